// The list of runs, and the pages beside it: the server makes all of them; here is what only a script can do.

import * as drop from './drop.js';
import * as fresh from './fresh.js';
import { byId, localTimes, markReady } from './page.js';
import * as theme from './theme.js';

theme.start(() => {});
localTimes();
drop.start();
fresh.start();

const box = document.getElementById('drop');
if (box) {
  box.hidden = false;
  const field = byId('drop-file', HTMLInputElement);
  field.addEventListener('change', () => field.files?.[0] && drop.open(field.files[0]));
}
markReady();
