import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { USER_ID, lineUserId } from './line-ids';
import { LineUser } from './line-platform';
import { Log } from './stage/child';
import { CLONE } from './stage/environment';
import { runShell } from './stage/shell';
import { Stage } from './stage/stage';

/** What the shell begins with: apps and files of a company that comes from Amazon Pinpoint. */
const FOLDER = 'examples/coming-from-pinpoint';
const EXPORT = 'export';
/** Of `before.ts`. */
const APPLICATION_ID = '0123456789abcdef0123456789abcdef';
/** As the pages of the repository write them into the secret. */
const CHANNEL = { channelId: '1234567890', channelSecret: '0123456789abcdef0123456789abcdef' };
const NEWCOMERS = ['Momo', 'Niko', 'สมหญิง'];

/** `npm run demo -- --shell`: a shell on a local stage whose LINE has the people of the export among its friends. */
export async function openShell(print: Log, log: Log): Promise<number> {
  const stage = await Stage.start({
    // The first request to a function starts it.
    line: { ...CHANNEL, webhookTimeoutMs: 10_000 },
    pinpoint: { applicationIds: [APPLICATION_ID] },
    log,
  });
  try {
    const exported = exportedPeople();
    const [left] = exported.slice(-1);
    const newcomers = NEWCOMERS.map((displayName, i) => ({ userId: lineUserId(`newcomer ${i + 1}`), displayName, language: 'ja' }));
    stage.line.add(...exported, ...newcomers);
    stage.line.block(left.userId);
    print(`The AWS emulator is ${stage.endpoint}; cdk and aws reach it and no AWS account. The LINE stand-in is ${stage.line.url}; its friends are`);
    print(`the ${exported.length - 1} people of ${FOLDER}/${EXPORT} who have not blocked the account since, and ${newcomers.length} newcomers.`);
    print(`The folder is a copy of ${FOLDER} and goes with the shell. Leave it by: exit`);
    const exitCode = await runShell(stage, FOLDER);
    tellDeliveries(stage, print);
    return exitCode;
  } finally {
    await stage.stop();
  }
}

/** Everybody on LINE whom the export names. */
function exportedPeople(): LineUser[] {
  const folder = path.join(CLONE, FOLDER, EXPORT);
  const lines = readdirSync(folder).sort().flatMap((file) => gunzipSync(readFileSync(path.join(folder, file))).toString().trimEnd().split('\n'));
  return lines.map((line) => JSON.parse(line)).filter(({ Address }) => USER_ID.test(Address)).map(({ Address, User }) => {
    const { DisplayName, Language } = User.UserAttributes;
    return { userId: Address, displayName: DisplayName?.[0] ?? 'no name', language: Language?.[0], consent: DisplayName !== undefined };
  });
}

function tellDeliveries(stage: Stage, print: Log): void {
  const messages = new Map<string, number>();
  for (const { to } of stage.line.deliveries()) {
    messages.set(to, (messages.get(to) ?? 0) + 1);
  }
  const most = Math.max(0, ...messages.values());
  print(`LINE's ledger: ${messages.size} people got messages, nobody more than ${most}; rules of LINE broken: ${stage.line.violations().map(({ rule }) => rule).join(', ') || 'none'}`);
}
