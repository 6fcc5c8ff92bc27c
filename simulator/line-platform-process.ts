/**
 * The LINE stand-in in a process of its own, so that it outlives a sender that is killed, and serves several processes.
 *
 *     node -r ts-node/register/transpile-only simulator/line-platform-process.ts --port 8080 --control-port 8081
 *
 * Prints one line of JSON when it listens: `{ "url", "controlUrl", "pid" }`. Ends on SIGINT and SIGTERM, and, with
 * `--exit-with-parent`, when its standard input ends.
 */
import { parseArgs } from 'node:util';
import { ControlServer } from './control';
import { LinePlatform, LinePlatformOptions } from './line-platform';
import { REMOTE_METHODS } from './spawn-line-platform';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'port': { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
      /** Everything else that LinePlatform takes, as JSON. */
      'options': { type: 'string', default: '{}' },
      'exit-with-parent': { type: 'boolean', default: false },
    },
  });
  const platform = new LinePlatform({ ...JSON.parse(values.options) as LinePlatformOptions, port: Number(values.port) });
  const control = new ControlServer(platform, REMOTE_METHODS);
  const [url, controlUrl] = [await platform.start(), await control.start(Number(values['control-port']))];
  const end = () => void Promise.all([platform.stop(), control.stop()]).then(() => process.exit(0));
  process.once('SIGINT', end).once('SIGTERM', end);
  if (values['exit-with-parent']) process.stdin.resume().once('end', end).once('close', end);
  console.log(JSON.stringify({ url, controlUrl, pid: process.pid }));
}

main().catch((reason: Error) => {
  console.error(reason.message);
  process.exit(1);
});
