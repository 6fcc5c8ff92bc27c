// Runs a bundled handler as one Lambda instance does, in a process of its own that can be killed: an invocation for each line
// on standard input, one after the other. A line is {"event", "remainingMs"}; each answer goes as a line to file descriptor 3,
// {"answer"} or {"error"}, because handlers log to standard output. Arguments: bundle, name of the export.
const { randomUUID } = require('node:crypto');
const { writeSync } = require('node:fs');
const { createInterface } = require('node:readline');

const [bundle, name] = process.argv.slice(2);
const handler = require(bundle)[name];

(async () => {
  for await (const line of createInterface(process.stdin)) {
    const { event, remainingMs } = JSON.parse(line);
    const end = Date.now() + remainingMs;
    const context = { awsRequestId: randomUUID(), getRemainingTimeInMillis: () => end - Date.now() };
    const result = await handler(event, context).then((answer) => ({ answer }), (error) => ({ error: String(error) }));
    writeSync(3, `${JSON.stringify(result)}\n`);
  }
})();
