// Runs beside a process that uses the local stage, in a process group of its own, and outlives it by a moment.
// Standard input carries one JSON line per change, each the whole state: {"groups":[process group ids],"paths":[…]}.
// When standard input ends, the process has stopped or died, whatever killed it: what the last line names is removed.
// Plain JavaScript, because it must be up within milliseconds and needs nothing but Node.
'use strict';

const { rmSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

// A killed group is gone within milliseconds; its dead may be counted for longer, until somebody asks after them.
const PATIENCE_MS = 500;
let buffered = '';
let state = { groups: [], paths: [] };

// Ctrl-C in a terminal reaches only the foreground group, so this is for a `kill` by hand: the work has to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  const lines = (buffered + text).split('\n');
  buffered = lines.pop();
  if (lines.length > 0) state = JSON.parse(lines[lines.length - 1]);
});
process.stdin.on('end', async () => {
  const deadline = Date.now() + PATIENCE_MS;
  // A killed process may still be closing its files: groups first, and a folder only when its users are gone.
  while (state.groups.filter(kill).length > 0 && Date.now() < deadline) await sleep(20);
  for (const path of state.paths) rmSync(path, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
});

/** Kills a process group; false when none of it is left. */
function kill(group) {
  try {
    process.kill(-group, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
