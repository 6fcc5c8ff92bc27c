// Runs one export of a bundle over a list of events in one process, one after the other, as a warm function would, and tells what they
// answered and what that took: a line of JSON on file descriptor 3 (see `StepReport` in campaigns.ts).
// Arguments: bundle, name of the export, file with the events.
const { readFileSync, writeSync } = require('node:fs');
const { performance } = require('node:perf_hooks');

const [bundle, name, eventsFile] = process.argv.slice(2);
process.env._HANDLER = `index.${name}`;

// What a function logs, Lambda hands to CloudWatch.
const logged = { lines: 0, bytes: 0 };
process.stdout.write = (text) => {
  logged.lines++;
  logged.bytes += Buffer.byteLength(text);
  return true;
};

const step = require(bundle)[name];
const cpuMilliseconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

(async () => {
  const events = JSON.parse(readFileSync(eventsFile, 'utf8'));
  const loading = cpuMilliseconds();
  const begin = performance.now();
  const answers = [];
  for (const [index, event] of events.entries()) {
    const context = {
      awsRequestId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${name}`,
      getRemainingTimeInMillis: () => 900_000,
    };
    answers.push(await step(event, context));
  }
  const milliseconds = performance.now() - begin;
  const report = {
    answers,
    // Source: Node.js, "process.resourceUsage()": kilobytes.
    highest: process.resourceUsage().maxRSS * 1024,
    milliseconds,
    loadingCpu: loading,
    cpu: cpuMilliseconds() - loading,
    logged,
  };
  writeSync(3, `${JSON.stringify(report)}\n`);
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
