import { createHash } from 'node:crypto';
import { readSchedule } from './campaign-schedule';
import { InputProblems } from './input-problems';
import { CampaignConfig, CampaignInput, CampaignKind, MAX_TREATMENTS, SourceChoice, SourceNeeds, Treatment } from '../../contract/campaigns';
import { closestName } from '../../contract/closest-name';
import { MAX_KEY_BYTES } from '../../contract/limits';
import { InputProblem, checkSegment } from '../../contract/segments';
import { TAG_PATTERN } from '../../contract/subscriber';
import { wellFormed } from '../shared/well-formed';

type JsonObject = { readonly [member: string]: unknown };

/** What an input is read with. */
export interface InputContext {
  /** Registered sources, and what each is to be told. */
  readonly needs: SourceNeeds;
  readonly config: CampaignConfig;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Stands for the token of an input that has none: where a repeat of a dropped file or of an invocation has the same. */
  readonly clientToken?: string;
}

export type ReadInput = { readonly input: CampaignInput } | { readonly problems: readonly InputProblem[] };

/** Actions that begin a run, and what for. */
export const START_ACTIONS: { readonly [action: string]: CampaignKind } = { start: 'SEND', dryRun: 'DRY_RUN', estimate: 'ESTIMATE' };

/** Bytes of an input as JSON. Lambda takes 6 MB of a caller who waits, 256 KB of one who does not. Source: AWS Lambda, "Lambda quotas". */
export const MAX_INPUT_BYTES = 5 * 1024 * 1024;

/** Letters of any script, digits, space and `_.-`, up to 64 characters: part of ids and reports. */
const CAMPAIGN_NAME = TAG_PATTERN;

/** Part of the keys of objects. */
const TREATMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

const MAX_TOKEN_LENGTH = 128;
const MAX_NAME_LENGTH = 128;
const MAX_WEIGHT = 10_000;

/** A month; chunks and results are not kept for ever. */
const MAX_DURATION_MINUTES = 31 * 24 * 60;

const MEMBERS = ['action', 'campaign', 'source', 'message', 'treatments', 'holdoutPercent', 'options', 'schedule', 'clientToken', 'startedBy'];
const OPTIONS = ['canary', 'quietHours', 'pauseAtRefusedPercent', 'maxDurationMinutes'];
const CANARIES = ['OFF', 'AUTO', 'CONFIRM'] as const;
const QUIET_HOURS = ['CONTINUE', 'DROP', 'IGNORE'] as const;
const CHOICES = ['tag', 'segment', 'key'] as const;

/**
 * Reads what a campaign is started with:
 *
 * | member | what | default |
 * | --- | --- | --- |
 * | `action` | `start`; `dryRun`: everything but the send; `estimate`: how many | `start` |
 * | `campaign` | its name | must be given |
 * | `source` | name of a registered source, or `{"name"}` with `tag`, `segment` or `key` where the source is registered without | must be given |
 * | `message` | `{"data"}`: `Data` of the channel's events, objects being written as JSON text; or `{"template","version"}` | this or `treatments`; an estimate needs none |
 * | `treatments` | up to five `{"name","weight","message"}`, people being shared out by weight | one |
 * | `holdoutPercent` | share of the people who get nothing, at most two decimals | 0 |
 * | `options.canary` | `OFF`, `AUTO`, `CONFIRM` | the runner's |
 * | `options.quietHours` | `CONTINUE`, `DROP`, `IGNORE` | `CONTINUE` |
 * | `options.pauseAtRefusedPercent` | above 0, to 100 | the runner's |
 * | `options.maxDurationMinutes` | | the runner's |
 * | `schedule` | see `readSchedule`; a dry run and an estimate are done at once all the same | at once |
 * | `clientToken` | two starts with one token are one run | must be given, but for a file, a dry run or an estimate |
 * | `startedBy` | who started it, for the record | – |
 *
 * @returns the input with every default filled in, or everything that is wrong with it
 */
export function readCampaignInput(json: unknown, context: InputContext): ReadInput {
  const problems = new InputProblems();
  if (!isObject(json)) {
    problems.add('', json, 'a JSON object', 'write {"campaign","source","message","clientToken"}, as docs/campaigns.md says');
    return { problems: problems.found };
  }
  const bytes = Buffer.byteLength(JSON.stringify(json));
  if (bytes > MAX_INPUT_BYTES) {
    problems.say('', `has ${bytes} bytes as JSON and may have ${MAX_INPUT_BYTES}: write long messages as templates`);
    return { problems: problems.found };
  }
  const kind = START_ACTIONS[json.action as string ?? 'start'];
  const startedBy = readName(json.startedBy, 'startedBy', problems);
  problems.refuseOthers('', json, MEMBERS);
  const read = {
    campaign: readCampaign(json.campaign, problems),
    source: readSource(json.source, context, problems),
    treatments: readTreatments(json, kind, problems),
    holdoutPercent: readHoldout(json.holdoutPercent ?? 0, problems),
    ...readOptions(json.options ?? {}, context.config, problems),
    ...readTimes(json.schedule, kind, context.now, problems),
    clientToken: readToken(json.clientToken, context.clientToken, problems),
    ...(startedBy !== undefined && { startedBy }),
  };
  return problems.found.length > 0 ? { problems: problems.found } : { input: { kind, ...read } as unknown as CampaignInput };
}

/**
 * Id of the run that a token stands for, for ever. A dry run and an estimate may have the token of the start that they are for; another
 * runner's run is another one, even where both have one bucket.
 */
export function runIdOf(clientToken: string, kind: CampaignKind, runner: string): string {
  return `run-${sha256(`${runner}\n${kind}\n${clientToken}`).slice(0, 24)}`;
}

/** What tells an input from another with the same token: all of it but who started it, in any order of its members. */
export function hashOfInput(json: JsonObject): string {
  const { clientToken, startedBy, action = 'start', ...rest } = json;
  return sha256(sortedJson({ action, ...rest }));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readCampaign(campaign: unknown, problems: InputProblems): string | undefined {
  return typeof campaign === 'string' && CAMPAIGN_NAME.test(campaign)
    ? campaign
    : problems.add('campaign', campaign, 'a name of 1 to 64 letters, digits, spaces inside, _, . and -', 'write the campaign\'s name, such as "spring-sale"');
}

function readSource(source: unknown, { needs }: InputContext, problems: InputProblems): SourceChoice | undefined {
  const choice: JsonObject | undefined = typeof source === 'string' ? { name: source } : isObject(source) ? source : undefined;
  const names = Object.keys(needs);
  const path = typeof source === 'string' ? 'source' : 'source.name';
  if (!choice) {
    return problems.add('source', source, 'the name of a source, or an object', `write one of ${names.join(', ')}, or {"name":"…","tag":"…"} where the source is to be told a tag`);
  }
  const { name } = choice;
  if (typeof name !== 'string' || !Object.hasOwn(needs, name)) {
    const meant = typeof name === 'string' ? closestName(name, names) : undefined;
    return problems.add(path, name, 'the name of a source that the runner has', meant ? `write ${meant}` : names.length > 0
      ? `write one of ${names.join(', ')}, or register it with addSource` : 'register one with addSource');
  }
  problems.refuseOthers('source', choice, ['name', ...CHOICES]);
  for (const member of CHOICES) {
    const isNeeded = needs[name].includes(member);
    if (!isNeeded && choice[member] !== undefined) {
      problems.add(`source.${member}`, choice[member], `left out, because source ${name} is not told a ${member}`, `leave it out, or register a source without a ${member}`);
    } else if (isNeeded) {
      readChoice(member, choice[member], name, problems);
    }
  }
  const { tag, segment, key } = choice;
  return {
    name,
    ...(typeof tag === 'string' && { tag }),
    ...(isObject(segment) && { segment }),
    ...(typeof key === 'string' && { key }),
  };
}

function readChoice(member: typeof CHOICES[number], value: unknown, source: string, problems: InputProblems): void {
  const path = `source.${member}`;
  if (member === 'tag' && !(typeof value === 'string' && TAG_PATTERN.test(value))) {
    problems.add(path, value, 'a tag: 1 to 64 letters, digits, spaces inside, _, . and -', `write the tag that source ${source} is to read`);
  }
  if (member === 'key' && !(typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_KEY_BYTES)) {
    problems.add(path, value, `the key of an object, at most ${MAX_KEY_BYTES} bytes`, `write the key of the list that source ${source} is to read`);
  }
  if (member === 'segment') {
    problems.sayAll(checkSegment(value, path).problems);
  }
}

function readTreatments(json: JsonObject, kind: CampaignKind | undefined, problems: InputProblems): Treatment[] {
  const { message, treatments } = json;
  const read = (): Treatment[] => {
    if (treatments === undefined) {
      return message === undefined && kind === 'ESTIMATE' ? [] : [{ name: '0', weight: 1, data: readMessage(message, 'message', problems)! }];
    }
    if (message !== undefined) {
      problems.say('message', 'must be left out where there are treatments, which have a message each: leave out one of the two');
    }
    if (!Array.isArray(treatments) || treatments.length === 0 || treatments.length > MAX_TREATMENTS) {
      problems.add('treatments', Array.isArray(treatments) ? `${treatments.length} treatments` : typeof treatments,
        `a list of 1 to ${MAX_TREATMENTS}`, 'write {"name","weight","message"} for each');
      return [];
    }
    const names = treatments.map((treatment) => isObject(treatment) ? treatment.name : undefined);
    return treatments.map((treatment: unknown, index) => readTreatment(treatment, `treatments[${index}]`, names.slice(0, index), problems));
  };
  // Those of an estimate are only checked.
  return read().filter(() => kind !== 'ESTIMATE');
}

function readTreatment(treatment: unknown, path: string, before: readonly unknown[], problems: InputProblems): Treatment {
  if (!isObject(treatment)) {
    problems.add(path, typeof treatment, 'an object', 'write {"name","weight","message"}');
    return { name: '', weight: 1, data: '' };
  }
  problems.refuseOthers(path, treatment, ['name', 'weight', 'message']);
  const { name, weight = 1, message } = treatment;
  if (typeof name !== 'string' || !TREATMENT_NAME.test(name)) {
    problems.add(`${path}.name`, name, 'a name of 1 to 32 of A-Z, a-z, 0-9, _ and -', 'write one such as "a"');
  } else if (before.includes(name)) {
    problems.add(`${path}.name`, name, 'another name than those of the treatments before', 'give each treatment a name of its own');
  }
  if (!isWhole(weight, 1, MAX_WEIGHT)) {
    problems.add(`${path}.weight`, weight, `a whole number from 1 to ${MAX_WEIGHT}`, 'write the share in relation to the other treatments, such as 1');
  }
  return { name: name as string, weight: weight as number, data: readMessage(message, `${path}.message`, problems)! };
}

/** Errors do not repeat messages, which are nobody else's business. */
function readMessage(message: unknown, path: string, problems: InputProblems): string | undefined {
  if (!isObject(message)) {
    return problems.add(path, message === undefined ? undefined : typeof message, 'an object', 'write {"data":"…"} or {"template":"…"}');
  }
  problems.refuseOthers(path, message, ['data', 'template', 'version']);
  const { data, template, version } = message;
  if ((data === undefined) === (template === undefined)) {
    return problems.say(path, `must have either data or template, and has ${data === undefined ? 'neither' : 'both'}: write {"data":"…"} or {"template":"…"}`);
  }
  if (data !== undefined) {
    if (version !== undefined) {
      problems.say(`${path}.version`, 'must be left out where there is data: it is the version of a template');
    }
    const text = typeof data === 'string' ? data : typeof data === 'object' && data !== null ? JSON.stringify(data) : undefined;
    if (text === undefined || text.trim() === '') {
      return problems.add(`${path}.data`, text === undefined ? typeof data : 'a blank text', 'a text, an object or a list', 'write what the channel is to send');
    }
    return wellFormed(text);
  }
  if (typeof template !== 'string' || template.trim() === '' || template.length > 200) {
    return problems.add(`${path}.template`, template, 'the name of a template', 'write its name without the ending .json, such as "spring"');
  }
  if (version !== undefined && (typeof version !== 'string' || version === '')) {
    return problems.add(`${path}.version`, version, 'a version id of S3', 'write the version of the template\'s object, or leave it out for the current one');
  }
  return JSON.stringify({ template, ...(version !== undefined && { version }) });
}

function readHoldout(percent: unknown, problems: InputProblems): number | undefined {
  return typeof percent === 'number' && percent >= 0 && percent <= 99 && Number(percent.toFixed(2)) === percent
    ? percent
    : problems.add('holdoutPercent', percent, 'a number from 0 to 99 with at most two decimals', 'write the share of the people who get nothing, or leave it out');
}

function readOptions(options: unknown, config: CampaignConfig, problems: InputProblems) {
  if (!isObject(options)) {
    problems.add('options', options, 'an object', `write any of ${OPTIONS.join(', ')} into one, or leave it out`);
    return {};
  }
  problems.refuseOthers('options', options, OPTIONS);
  const { quietHours = 'CONTINUE' } = options;
  const { canary, pauseAtRefusedPercent, maxDurationMinutes }: JsonObject = { ...config, ...options };
  readOneOf(CANARIES, canary, 'options.canary', problems);
  readOneOf(QUIET_HOURS, quietHours, 'options.quietHours', problems);
  if (typeof pauseAtRefusedPercent !== 'number' || !(pauseAtRefusedPercent > 0 && pauseAtRefusedPercent <= 100)) {
    problems.add('options.pauseAtRefusedPercent', pauseAtRefusedPercent, 'a number above 0, to 100', 'write the share of refusals that pauses the run, 100 for never');
  }
  if (maxDurationMinutes !== undefined && !isWhole(maxDurationMinutes, 1, MAX_DURATION_MINUTES)) {
    problems.add('options.maxDurationMinutes', maxDurationMinutes, `a whole number from 1 to ${MAX_DURATION_MINUTES}`, 'write minutes, or leave it out');
  }
  return { canary, quietHours, pauseAtRefusedPercent, ...(maxDurationMinutes !== undefined && { maxDurationMinutes }) };
}

function readTimes(schedule: unknown, kind: CampaignKind | undefined, now: number, problems: InputProblems) {
  if (schedule === undefined) {
    return {};
  }
  if (!isObject(schedule)) {
    problems.add('schedule', schedule, 'an object', 'write {"at":"2026-12-01T09:00","timeZone":"Asia/Tokyo"}, or leave it out to begin at once');
    return {};
  }
  const times = readSchedule(schedule, 'schedule', now, problems);
  return kind === 'SEND' ? times : {};
}

function readToken(token: unknown, given: string | undefined, problems: InputProblems): string | undefined {
  if (token === undefined && given !== undefined) {
    return given;
  }
  return typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH && /^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$/u.test(token)
    ? wellFormed(token)
    : problems.add('clientToken', token, `a text of 1 to ${MAX_TOKEN_LENGTH} characters`,
      'write one that is new for each campaign and the same when you ask again, such as "spring-sale-2026-04-01"');
}

function readName(name: unknown, path: string, problems: InputProblems): string | undefined {
  return name === undefined || (typeof name === 'string' && name.length > 0 && name.length <= MAX_NAME_LENGTH)
    ? name
    : problems.add(path, name, `a text of 1 to ${MAX_NAME_LENGTH} characters`, 'write who starts it, or leave it out');
}

function readOneOf(allowed: readonly string[], value: unknown, path: string, problems: InputProblems): void {
  if (!allowed.includes(value as string)) {
    problems.add(path, value, `one of ${allowed.join(', ')}`, 'write one of these, or leave it out');
  }
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(sortedJson).join(',')}]`;
  }
  return isObject(value)
    ? `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${sortedJson(value[name])}`).join(',')}}`
    : JSON.stringify(value) ?? 'null';
}
