import { createHash } from 'node:crypto';
import { MAX_INPUT_BYTES, START_ACTIONS, isObject } from './campaign-input';
import { ControlDependencies, RefusedRequest, RunReport, start } from './control-campaigns';
import { InputProblems } from './input-problems';
import { CAMPAIGN_DROP_PREFIX, REJECTED_DROP_PREFIX } from '../../contract/campaigns';
import { InputProblem, problemsText } from '../../contract/segments';

type JsonObject = { readonly [member: string]: unknown };

/** A dropped file. */
export interface DroppedFile {
  readonly bucket: string;
  readonly key: string;
  /** Bytes. */
  readonly size?: number;
  readonly versionId?: string;
  /** What tells two files with one key from each other, in a bucket without versions. */
  readonly sequencer?: string;
  /** Without quotes. */
  readonly etag?: string;
}

export interface FileDependencies extends ControlDependencies {
  /** The bytes of a dropped file; undefined when it was deleted or replaced; `TOO_LARGE`, unread, when they are more than the limit. */
  readonly readDropped: (file: DroppedFile, maxBytes: number) => Promise<Uint8Array | 'TOO_LARGE' | undefined>;
}

/** Characters of a description in a notification; the object of what is wrong has all of it. */
const MAX_DESCRIPTION = 2_000;

/** EventBridge's event of a new object; the key is as it is. Source: Amazon S3, "EventBridge event message structure". */
export function droppedFileOf(event: unknown): DroppedFile | undefined {
  const member = (value: unknown, name: string): JsonObject => {
    const part = isObject(value) ? value[name] : undefined;
    return isObject(part) ? part : {};
  };
  const detail = isObject(event) && event.source === 'aws.s3' ? member(event, 'detail') : {};
  const [bucket, object] = [member(detail, 'bucket'), member(detail, 'object')];
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const [bucketName, key, versionId, sequencer, etag] = [bucket.name, object.key, object['version-id'], object.sequencer, object.etag].map(text);
  return bucketName === undefined || key === undefined ? undefined : {
    bucket: bucketName,
    key,
    ...(typeof object.size === 'number' && { size: object.size }),
    ...(versionId !== undefined && { versionId }),
    ...(sequencer !== undefined && { sequencer }),
    ...(etag !== undefined && { etag }),
  };
}

/**
 * Starts a campaign from a file that holds what `control` is invoked with to start one. Without a `clientToken` the file is the
 * token: dropped twice, it is two campaigns; one event that is delivered twice is one. Without `startedBy` its key is who started it.
 *
 * A file that cannot be started from stays where it is; what is wrong with it is written to `rejected/<key>.json` and said on the topic.
 *
 * @returns the run; undefined when there is none
 * @throws what table, bucket, state machine and topic throw
 */
export async function startFromFile(file: DroppedFile, deps: FileDependencies): Promise<RunReport | undefined> {
  const { telemetry } = deps;
  const { key } = file;
  if (!key.startsWith(CAMPAIGN_DROP_PREFIX) || key.endsWith('/')) {
    telemetry.info('CAMPAIGN_FILE_IGNORED', 'an object that is no campaign file: a folder, or outside the prefix of campaigns', { key });
    return undefined;
  }
  const bytes = (file.size ?? 0) > MAX_INPUT_BYTES ? 'TOO_LARGE' : await deps.readDropped(file, MAX_INPUT_BYTES);
  if (bytes === undefined) {
    telemetry.warn('CAMPAIGN_FILE_GONE', 'a campaign file was deleted or replaced before it was read; nothing is started from it', { key });
    return undefined;
  }
  const problems = new InputProblems();
  const json = bytes === 'TOO_LARGE'
    ? problems.say('', `has more than ${MAX_INPUT_BYTES} bytes: write long messages as templates`)
    : readJson(bytes, problems);
  const answer = problems.found.length > 0 ? { errors: problems.found } : await startJson(json, file, deps);
  if (!('errors' in answer)) {
    telemetry.info('CAMPAIGN_FILE_STARTED', 'a campaign was started from a file', { key, runId: answer.runId });
    return answer;
  }
  await reject(file, json, answer.errors, deps);
  return undefined;
}

function readJson(bytes: Uint8Array, problems: InputProblems): unknown {
  let text: string;
  try {
    // Without a byte order mark.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return problems.say('', 'is not UTF-8: save the file in that encoding');
  }
  if (text.trim() === '') {
    return problems.say('', 'is empty: write a JSON object as docs/campaigns.md says');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message may quote what stands there, which is perhaps a message to people.
    const [, position] = /position (\d+)/.exec((error as Error).message) ?? [];
    const place = position === undefined ? 'at its end' : `at line ${text.slice(0, Number(position)).split('\n').length}`;
    return problems.say('', `is no JSON, ${place}: mend it there; JSON takes straight double quotes, and no comma after the last member`);
  }
}

async function startJson(json: unknown, file: DroppedFile, deps: FileDependencies): Promise<RunReport | RefusedRequest> {
  const action = isObject(json) ? json.action ?? 'start' : 'start';
  if (typeof action !== 'string' || !Object.hasOwn(START_ACTIONS, action)) {
    const problems = new InputProblems();
    problems.add('action', action, `one of ${Object.keys(START_ACTIONS).join(', ')} in a file`, 'invoke the control function for anything else');
    return { errors: problems.found };
  }
  return start(json, { kind: START_ACTIONS[action], clientToken: tokenOf(file), startedBy: file.key }, deps);
}

function tokenOf({ bucket, key, versionId, sequencer, etag }: DroppedFile): string {
  return `file/${createHash('sha256').update(JSON.stringify([bucket, key, versionId ?? sequencer ?? etag ?? null])).digest('hex')}`;
}

async function reject(file: DroppedFile, json: unknown, errors: readonly InputProblem[], deps: FileDependencies): Promise<void> {
  const { objects, notify, telemetry, now } = deps;
  const { bucket, key, versionId } = file;
  const place = `${REJECTED_DROP_PREFIX}${key}.json`;
  const rejected = { file: { bucket, key, ...(versionId !== undefined && { versionId }) }, rejectedAt: new Date(now()).toISOString(), errors };
  await objects.write(place, JSON.stringify(rejected));
  telemetry.warn('CAMPAIGN_FILE_REJECTED', 'a campaign file has something wrong; nothing is started, and the object of that name says what is to be mended', {
    key, rejected: place, errors: errors.length,
  });
  const { campaign, source }: JsonObject = isObject(json) ? json : {};
  const sourceName = isObject(source) ? source.name : source;
  await notify({
    subject: 'A campaign file was rejected',
    type: 'failure',
    body: {
      Message: 'Campaign Failed',
      CampaignCreateResult: {
        ...(typeof campaign === 'string' && { CampaignId: campaign.slice(0, 200) }),
        ...(typeof sourceName === 'string' && { SegmentId: sourceName.slice(0, 200) }),
        // Pinpoint's state of a campaign that has something wrong.
        CampaignStatus: 'INVALID',
        Result: 'FAILURE',
        Description: problemsText(errors).slice(0, MAX_DESCRIPTION),
        File: { Bucket: bucket, Key: key },
        Rejected: { Bucket: objects.bucket, Key: place },
      },
    },
  });
}
