// Runs one step of a campaign's freeze over a list of events in one process, as a warm function would, and tells what memory that took:
// a line of JSON on file descriptor 3 with the resident set at its highest since the process began, in bytes, and the milliseconds.
// Arguments: bundle, name of the export, file with the events.
const { readFileSync, writeSync } = require('node:fs');
const { performance } = require('node:perf_hooks');

const [bundle, name, eventsFile] = process.argv.slice(2);
const step = require(bundle)[name];

(async () => {
  const events = JSON.parse(readFileSync(eventsFile, 'utf8'));
  const begin = performance.now();
  for (const [index, event] of events.entries()) {
    const context = { awsRequestId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, getRemainingTimeInMillis: () => 900_000 };
    await step(event, context);
  }
  // Source: Node.js, "process.resourceUsage()": kilobytes.
  writeSync(3, `${JSON.stringify({ highest: process.resourceUsage().maxRSS * 1024, milliseconds: performance.now() - begin })}\n`);
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
