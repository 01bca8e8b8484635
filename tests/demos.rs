//! The demos on real input: what they print equals what an independent computation gives.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;

use support::Scene;

/// Numbers that look like noise, the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 20) as f64 / f64::from(1 << 20)
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn groups_are_those_of_one_pass_over_the_table() {
    let scene = Scene::new();
    let (mut noise, mut table) = (Noise(1), "id,city,\"fare, in all\",tip\n".to_owned());
    let mut groups: BTreeMap<String, (Vec<f64>, u64)> = BTreeMap::new();
    for id in 0..20_000 {
        let city = format!("city {}, north", noise.below(700));
        let fare = noise.below(10_000) as f64 / 100.0;
        let tip = if noise.below(3) == 0 { "none".to_owned() } else { noise.below(9).to_string() };
        writeln!(table, "{id},\"{city}\",{fare},{tip}").unwrap();
        let group = groups.entry(city).or_default();
        group.0.push(fare);
        group.1 += u64::from(tip != "none");
    }
    scene.write("trips.csv", &table);
    let args = [
        "demo",
        "groupby",
        "trips.csv",
        "--by",
        "city",
        "--agg",
        "mean:fare, in all",
        "--agg",
        "max:fare, in all",
        "--agg",
        "count:tip",
        "--workers",
        "2",
        "--no-record",
    ];
    let embedded = scene.ok(&args).stdout;
    let mut lines = embedded.lines();
    assert_eq!(lines.next().unwrap(), "city\tmean:fare, in all\tmax:fare, in all\tcount:tip");
    for (line, (city, (fares, n_tips))) in lines.by_ref().zip(&groups) {
        let cells: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| cells[i].parse::<f64>().unwrap();
        let mean = fares.iter().sum::<f64>() / fares.len() as f64;
        let max = fares.iter().copied().fold(0.0, f64::max);
        let same = near(number(1), mean) && number(2) == max && number(3) == *n_tips as f64;
        assert!(cells[0] == city && same, "{line}: not {city} {mean} {max} {n_tips}");
    }
    assert_eq!(embedded.lines().count(), groups.len() + 1);
    assert!(lines.next().is_none());
    let mut processes = args.to_vec();
    processes.push("--processes");
    assert_eq!(scene.ok(&processes).stdout, embedded);
    scene.fails(
        3,
        &["demo", "groupby", "trips.csv", "--by", "town", "--agg", "sum:tip", "--no-record"],
        &["no column `town`", "city"],
    );
    scene.fails(3, &["demo", "groupby", "none.csv", "--by", "a", "--agg", "sum:b"], &["none.csv"]);
}

#[test]
fn heat_spreads_as_on_a_plate_of_one_piece() {
    let (size, rounds) = (37, 23);
    let mut plate = vec![vec![0.0_f64; size]; size];
    for _ in 0..rounds {
        let at = |y: i64, x: i64| match (usize::try_from(y), usize::try_from(x)) {
            (Err(_), _) => 100.0,
            (Ok(y), Ok(x)) if y < size && x < size => plate[y][x],
            _ => 0.0,
        };
        let point =
            |y: i64, x: i64| (at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1)) / 4.0;
        let side = 0..size as i64;
        plate = side.clone().map(|y| side.clone().map(|x| point(y, x)).collect()).collect();
    }
    let mean = plate.iter().flatten().sum::<f64>() / (size * size) as f64;
    let scene = Scene::new();
    for strips in ["1", "5", "37"] {
        let ran = scene.json(&[
            "demo",
            "stencil",
            "--size",
            "37",
            "--rounds",
            "23",
            "--strips",
            strips,
            "--processes",
            "--workers",
            "2",
            "--no-record",
            "--json",
        ]);
        let found = ran["result"]["mean"].as_f64().unwrap();
        assert!(near(found, mean), "{strips} strips: {found}, not {mean}");
        let first = ran["result"]["middles"][0].as_f64().unwrap();
        let n_rows = size / strips.parse::<usize>().unwrap();
        assert!(near(first, plate[n_rows / 2][size / 2]), "{strips} strips: {first}");
    }
}

#[test]
fn the_best_parameters_are_those_of_a_search_one_by_one() {
    let scene = Scene::new();
    let (mut noise, mut rows) = (Noise(3), Vec::new());
    for i in 0..160_u64 {
        let label = ["ash", "birch", "cedar"][(i % 3) as usize];
        let center = (i % 3) as f64;
        rows.push((vec![center + 2.0 * noise.unit(), center * noise.unit(), noise.unit()], label));
    }
    let mut table = "x,tree,y,z\n".to_owned();
    for (features, label) in &rows {
        writeln!(table, "{},{label},{},{}", features[0], features[1], features[2]).unwrap();
    }
    scene.write("trees.csv", &table);
    let ran = scene.json(&[
        "demo",
        "grid-search",
        "trees.csv",
        "--label",
        "tree",
        "--processes",
        "--workers",
        "2",
        "--no-record",
        "--json",
    ]);
    let found = ran["result"].as_array().unwrap();
    assert_eq!(found.len(), 12);
    let mut last = 1.0;
    for row in found {
        let neighbours = row["neighbours"].as_u64().unwrap() as usize;
        let accuracy = row["accuracy"].as_f64().unwrap();
        let expected = classified(&rows, neighbours, row["distance"] == "blocks");
        assert!(near(accuracy, expected), "{row}: not {expected}");
        assert!(accuracy <= last, "the best come first");
        last = accuracy;
    }
    assert!(found[0]["accuracy"].as_f64().unwrap() > 0.6);
}

/// The share of rows that their nearest rows of other parts label rightly.
fn classified(rows: &[(Vec<f64>, &str)], neighbours: usize, blocks: bool) -> f64 {
    let mut right = 0;
    for (i, (features, label)) in rows.iter().enumerate() {
        let mut others: Vec<(f64, &str)> = Vec::new();
        for (j, (other, label)) in rows.iter().enumerate() {
            if j % 5 != i % 5 {
                let gaps: Vec<f64> = (0..3).map(|d| (features[d] - other[d]).abs()).collect();
                let distance = gaps.iter().map(|gap| if blocks { *gap } else { gap * gap }).sum();
                others.push((distance, label));
            }
        }
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let votes = |tree: &str| others[..neighbours].iter().filter(|(_, l)| *l == tree).count();
        let winner = ["cedar", "birch", "ash"].into_iter().max_by_key(|tree| votes(tree));
        right += usize::from(winner == Some(*label));
    }
    right as f64 / rows.len() as f64
}

/// A picture of noise with a dark square in it, as grey levels, row by row.
fn grey(noise: &mut Noise, width: usize, height: usize) -> Vec<u8> {
    let is_dark = |x: usize, y: usize| (10..30).contains(&x) && (8..20).contains(&y);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let level = |(x, y)| if is_dark(x, y) { 10 } else { 180 + noise.below(40) as u8 };
    pixels.map(level).collect()
}

fn png_file(levels: &[u8], width: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let height = levels.len() / width;
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a file that can be written");
    writer.write_image_data(levels).expect("a picture of that size");
    drop(writer);
    out
}

/// Brightness, contrast and share of edges, by the book.
fn measured(levels: &[u8], width: usize) -> (f64, f64, f64) {
    let n = levels.len() as f64;
    let mean = levels.iter().map(|l| f64::from(*l)).sum::<f64>() / n;
    let spread =
        levels.iter().map(|l| (f64::from(*l) - mean) * (f64::from(*l) - mean)).sum::<f64>();
    let height = levels.len() / width;
    let padded = |plane: &[i32], x: isize, y: isize| {
        let x = x.max(0).min(width as isize - 1) as usize;
        plane[y.max(0).min(height as isize - 1) as usize * width + x]
    };
    let sharp: Vec<i32> = levels.iter().map(|l| i32::from(*l)).collect();
    let mut smooth = vec![0; sharp.len()];
    for y in 0..height as isize {
        for x in 0..width as isize {
            let mut sum = 0;
            for (dx, dy) in
                [(-1, -1), (0, -1), (1, -1), (-1, 0), (0, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]
            {
                sum += padded(&sharp, x + dx, y + dy);
            }
            smooth[y as usize * width + x as usize] = sum / 9;
        }
    }
    let mut n_edges = 0;
    for y in 0..height as isize {
        for x in 0..width as isize {
            let across = padded(&smooth, x + 1, y) - padded(&smooth, x - 1, y);
            let down = padded(&smooth, x, y + 1) - padded(&smooth, x, y - 1);
            n_edges += i32::from(across.abs() + down.abs() >= 64);
        }
    }
    (mean, (spread / n).sqrt(), f64::from(n_edges) / n)
}

#[test]
fn pictures_are_measured_as_by_the_book_and_the_montage_shows_them() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("album")).unwrap();
    let mut noise = Noise(5);
    let pictures: Vec<(Vec<u8>, usize)> =
        [(64, 48), (40, 40), (33, 57)].map(|(w, h)| (grey(&mut noise, w, h), w)).into();
    for (index, (levels, width)) in pictures.iter().enumerate() {
        scene.write(&format!("album/{index}.png"), png_file(levels, *width));
    }
    scene.write("album/blue.jpg", include_bytes!("demos/blue.jpg"));
    let args = ["demo", "images", "album", "-o", "all.png", "--tile", "32", "--processes"];
    let ran = scene.json(&[&args[..], &["--workers", "2", "--no-record", "--json"]].concat());
    let found = ran["result"].as_array().unwrap();
    assert_eq!(found.len(), 4, "{ran}");
    for (row, (levels, width)) in found.iter().zip(&pictures) {
        let number = |name: &str| row["features"][name].as_f64().unwrap();
        let (brightness, contrast, edges) = measured(levels, *width);
        assert!(near(number("brightness"), brightness), "{row}: not {brightness}");
        assert!(near(number("contrast"), contrast), "{row}: not {contrast}");
        assert!(near(number("edges"), edges) && edges > 0.0, "{row}: not {edges}");
    }
    // 299 of red, 587 of green and 114 of blue in a thousand.
    let blue = found[3]["features"]["brightness"].as_f64().unwrap();
    assert!((blue - 131.9).abs() < 3.0, "{blue}");
    let file = std::fs::File::open(scene.path("all.png")).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (64, 64), "two by two tiles");
    let at = |x: usize, y: usize| &pixels[(y * 64 + x) * 3..][..3];
    // The second picture, 40 by 40, in the upper right tile: the middle of its dark square.
    assert_eq!(at(32 + 16, 11), [10, 10, 10]);
    // The last one, half as high as wide, between white above and below.
    assert_eq!(at(48, 34), [255, 255, 255]);
    let middle: Vec<i32> = at(48, 48).iter().map(|level| i32::from(*level)).collect();
    let is_near = middle.iter().zip([90, 140, 200]).all(|(a, b)| (a - b).abs() <= 4);
    assert!(is_near, "{middle:?}");
}
