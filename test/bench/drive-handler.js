// Runs a bundled handler as Lambda would, in a process with nothing else in it: one call at once, then one for each line on
// standard input. Each answer goes as a line of JSON to file descriptor 3, because handlers log to standard output.
// Arguments: bundle, file with the event.
const { readFileSync, writeSync } = require('node:fs');

const [bundle, eventFile] = process.argv.slice(2);
const { handler } = require(bundle);
const event = JSON.parse(readFileSync(eventFile, 'utf8'));
let calls = 0;

async function call() {
  const context = { awsRequestId: `00000000-0000-4000-8000-${String(++calls).padStart(12, '0')}`, getRemainingTimeInMillis: () => 14_000 };
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
