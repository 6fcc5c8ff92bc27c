// Runs a bundled handler as Lambda would, in a process with nothing else in it: one call at once, then one for each line on
// standard input. Each answer goes as a line of JSON to file descriptor 3, because handlers log to standard output.
// Arguments: bundle, name of the export, file with an array of events, which are handled one after the other, and from the beginning again.
const { readFileSync, writeSync } = require('node:fs');

const [bundle, name, eventsFile] = process.argv.slice(2);
process.env._HANDLER = `index.${name}`;
const handler = require(bundle)[name];
const events = JSON.parse(readFileSync(eventsFile, 'utf8'));
let calls = 0;

async function call() {
  const event = events[calls++ % events.length];
  const context = { awsRequestId: `00000000-0000-4000-8000-${String(calls).padStart(12, '0')}`, getRemainingTimeInMillis: () => 60_000 };
  writeSync(3, `${JSON.stringify(await handler(event, context))}\n`);
}

(async () => {
  await call();
  for await (const lines of process.stdin.setEncoding('utf8')) {
    for (const _ of lines.trim().split('\n')) await call();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
