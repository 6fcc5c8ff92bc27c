// Handles one event with a bundled handler and tells what memory that took: a line of JSON on file descriptor 3 with the answer
// and the resident set before the event was read, and at its highest since the process began, in bytes.
// Arguments: bundle, name of the export, file with the event.
const { readFileSync, writeSync } = require('node:fs');

const [bundle, name, eventFile] = process.argv.slice(2);
process.env._HANDLER = `index.${name}`;
const handler = require(bundle)[name];

(async () => {
  // What loading has left behind is not the event's.
  global.gc();
  const idle = process.memoryUsage.rss();
  const context = { awsRequestId: '00000000-0000-4000-8000-000000000001', getRemainingTimeInMillis: () => 60_000 };
  const answer = await handler(JSON.parse(readFileSync(eventFile, 'utf8')), context);
  // Source: Node.js, "process.resourceUsage()": kilobytes.
  writeSync(3, `${JSON.stringify({ answer, idle, highest: process.resourceUsage().maxRSS * 1024 })}\n`);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
