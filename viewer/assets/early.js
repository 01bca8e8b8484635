// Runs before anything is drawn: a theme that was chosen holds from the first frame on.

try {
  const chosen = localStorage.getItem('taskreel-theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is refused: the system's theme it is.
}
