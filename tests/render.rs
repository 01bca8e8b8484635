//! `reel render` as a user meets it: pictures and films.

mod support;

use support::Scene;

/// A scene with a small finished trace, `run.reel`.
fn recorded() -> Scene {
    let scene = Scene::new();
    let demo = ["demo", "reduction", "--leaves", "16", "--sleep", "5ms", "--workers", "2"];
    scene.ok(&[&demo[..], &["--record", "run.reel", "--no-view"]].concat());
    scene
}

fn read(scene: &Scene, name: &str) -> Vec<u8> {
    std::fs::read(scene.path(name)).expect("it was written")
}

#[test]
fn the_name_says_what_is_written() {
    let scene = recorded();
    for (name, begins) in
        [("a.svg", &b"<svg"[..]), ("a.PNG", b"\x89PNG\r\n\x1a\n"), ("a.gif", b"GIF89a")]
    {
        let small = ["render", "run.reel", "--width", "400", "--height", "300", "-o"];
        scene.ok(&[&small[..], &[name]].concat());
        let again = format!("again-{name}");
        scene.ok(&[&small[..], &[&again]].concat());
        let file = read(&scene, name);
        assert!(file.starts_with(begins), "{name}");
        assert_eq!(file, read(&scene, &again), "{name}: same trace, same bytes");
    }
}

#[test]
fn plots_windows_themes_and_sizes() {
    let scene = recorded();
    let render = ["render", "run.reel", "--plot", "task-stream"];
    let one = [&render[..], &["--theme", "dark", "--from", "0s", "--to", "50%"]].concat();
    scene.ok(&[&one[..], &["--width", "640", "--height", "200", "-o", "x.png"]].concat());
    let png = read(&scene, "x.png");
    assert_eq!(png[16..24], [0, 0, 2, 128, 0, 0, 0, 226], "640 × 200 and a title");
    let two = ["render", "run.reel", "--plot", "task-stream,progress", "--width", "500"];
    scene.ok(&[&two[..], &["--height", "300", "--speed", "1", "-o", "x.gif"]].concat());
    assert_eq!(read(&scene, "x.gif")[6..10], [0xf4, 1, 0x2c, 1]);
}

#[test]
fn a_film_is_kept_small_and_says_so() {
    let scene = recorded();
    let film = ["render", "run.reel", "--width", "400", "--fps", "3", "-o", "run.gif"];
    let whole = scene.ok(&film);
    assert!(whole.stderr.contains("times slower than it ran"), "{}", whole.stderr);
    let n_bytes = read(&scene, "run.gif").len();
    let most = (n_bytes * 7 / 10).to_string();
    let small = scene.ok(&[&film[..], &["--max-bytes", &most]].concat());
    assert!(small.stderr.contains("lowered from 3 to"), "{}", small.stderr);
    assert!(read(&scene, "run.gif").len() <= n_bytes * 7 / 10);
    scene.fails(1, &[&film[..], &["--max-bytes", "1kB"]].concat(), &["larger than 1000 bytes"]);
}

#[test]
fn what_cannot_be_is_said() {
    let scene = recorded();
    let render = |rest: &[&'static str]| [&["render", "run.reel"], rest].concat();
    scene.fails(2, &render(&["-o", "x.jpg"]), &["OUT.svg, OUT.png or OUT.gif"]);
    scene.fails(2, &render(&["-o", "x.png", "--fps", "5"]), &["--fps is for films"]);
    scene.fails(2, &render(&["-o", "x.gif", "--at", "1s"]), &["--at"]);
    scene.fails(1, &render(&["-o", "no/such/folder/x.png"]), &["write no/such"]);
    assert_eq!(scene.reel(&render(&["-o", "x.gif", "--fps", "99"])).code, Some(2));
}
