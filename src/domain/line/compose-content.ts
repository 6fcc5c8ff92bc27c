import { createHash } from 'node:crypto';
import { ContentError, contentErrorOnly } from './content-error';
import { JsonObject, LineMessage } from './line-message';
import { MediaLibrary, MediaObject, resolveMedia } from './media-url';
import { ContentOptions, MessagesContent, TemplateContent, parseContent, parseTemplate } from './message-content';
import { checkMessages } from './message-rules';
import { TemplateLibrary, defaultTemplate, templateCandidates } from './message-template';
import { MissingAttribute, PersonalisedMessages, compileMessages } from './personalise';
import { SendErrorCode } from '../../contract/custom-channel';
import { MULTICAST_MAX_RECIPIENTS } from '../../contract/limits';
import { BatchExclusion, BatchRecipient } from '../../contract/send-journal';

/** A person, as the event has them. */
export interface Addressee {
  /** Endpoint id. */
  readonly id: string;
  /** LINE user id. */
  readonly to: string;
  /** What placeholders and the choice of a template's language are read from. */
  readonly endpoint: JsonObject;
}

export interface ComposeDependencies {
  readonly media: MediaLibrary;
  readonly templates: TemplateLibrary;
}

/** One call to LINE: people whose content is the same, at most 500. */
export interface ComposedCall {
  /** Members of the request besides `to`, without the braces: `"messages":[…],"notificationDisabled":true,"customAggregationUnits":["…"]`. */
  readonly content: string;
  readonly recipients: readonly BatchRecipient[];
  /** Id of what it was made from; in `toValidate` unless that is personalised. */
  readonly source: string;
}

/** Everybody is in exactly one of `calls` and `excluded`. */
export interface Composition {
  /** In the order of their first people. */
  readonly calls: readonly ComposedCall[];
  /** In the order of the people. */
  readonly excluded: readonly BatchExclusion[];
  /** Why people are excluded: the first five reasons that differ. For the log. */
  readonly problems: readonly ContentError[];
  /**
   * For LINE's `validate` operation: the body of each content or template that is sent and is the same for everybody; equal
   * contents have equal ids. Nothing that is personalised: one person's attribute must not decide for the others, nor go to LINE
   * before it is known whether the person is sent to.
   */
  readonly toValidate: readonly { readonly id: string; readonly body: string }[];
  /** The first call's, should templates for several languages have different ones. */
  readonly aggregationUnit?: string;
}

/** Content that is read once and made for any number of people, in any number of portions. */
export interface ContentComposer {
  /**
   * What each of these people gets. Whoever cannot be sent to, alone or with those of their language, is excluded with the
   * reason; `skipped` without the attribute that a placeholder needs, else `failed`.
   *
   * @returns a `ContentError` when nobody can be sent to because of the content itself, or when an attribute is missing and
   *   the content says `"missingAttribute":"fail"`
   * @throws what media and template library throw when they cannot be asked
   */
  compose(addressees: readonly Addressee[]): Promise<Composition | ContentError>;
  /**
   * Whether `compose` would fail because `Data` cannot be read, or because of `"missingAttribute":"fail"`: to be asked of
   * everybody before anybody of a large run is sent to. Loads no media, and looks at nobody if nothing can be missing.
   *
   * @throws what the template library throws
   */
  check(addressees: readonly Addressee[]): Promise<ContentError | undefined>;
}

/** People that are composed side by side: enough that lookups of different media overlap, few enough to stay small. */
const PARALLEL_PEOPLE = 32;

const MAX_PROBLEMS = 5;

/**
 * The content of an event's or a run's `Data`, for its people. Templates are loaded, and media objects looked up, once:
 * everybody of the composer gets the same version.
 */
export function contentComposer(data: unknown, options: ContentOptions, deps: ComposeDependencies): ContentComposer {
  const media = rememberingLibrary(deps.media);
  const source = once(async () => contentSource(data, options, deps.templates, media));
  return {
    compose: async (addressees) => {
      const variants = await source();
      return variants instanceof ContentError ? variants : composePeople(addressees, variants);
    },
    check: async (addressees) => {
      const variants = await source();
      return variants instanceof ContentError ? variants : checkPeople(addressees, variants);
    },
  };
}

async function composePeople(addressees: readonly Addressee[], source: ContentSource): Promise<Composition | ContentError> {
  const calls: (ComposedCall & { readonly recipients: BatchRecipient[] })[] = [];
  /** Of each content the call that has room. */
  const open = new Map<string, BatchRecipient[]>();
  const excluded: BatchExclusion[] = [];
  const problems = new Map<string, ContentError>();
  const toValidate = new Map<string, string>();
  const skipped = new Map<string, number>();
  const failing = new Map<string, number>();
  let common: ContentError | undefined;
  let isCommonToAll = true;
  let aggregationUnit: string | undefined;

  const add = ({ id, to }: Addressee, outcome: Outcome) => {
    isCommonToAll &&= outcome.kind === 'error' && outcome.isCommon;
    if (outcome.kind === 'missing') {
      count(outcome.variant.failsIfMissing ? failing : skipped, outcome.path);
      excluded.push({ id, status: 'skipped', code: SendErrorCode.MISSING_ATTRIBUTE });
    } else if (outcome.kind === 'error') {
      common ??= outcome.error;
      problems.set(outcome.error.message, outcome.error);
      excluded.push({ id, status: 'failed', code: outcome.error.code });
    } else {
      const { messages, variant } = outcome;
      const content = messages + variant.settings;
      let recipients = open.get(content);
      if (recipients === undefined || recipients.length === MULTICAST_MAX_RECIPIENTS) {
        recipients = [];
        open.set(content, recipients);
        aggregationUnit = calls.length === 0 ? variant.aggregationUnit : aggregationUnit;
        calls.push({ content, recipients, source: variant.id });
      }
      recipients.push({ id, to });
      if (!variant.isPersonalised) {
        toValidate.set(variant.id, `{${messages}}`);
      }
    }
  };

  for (let begin = 0; begin < addressees.length; begin += PARALLEL_PEOPLE) {
    const people = addressees.slice(begin, begin + PARALLEL_PEOPLE);
    const outcomes = await Promise.all(people.map(async ({ endpoint }) => outcomeFor(endpoint, source)));
    outcomes.forEach((outcome, index) => add(people[index], outcome));
  }
  if (failing.size > 0) {
    return missingAttributes(failing, 'nobody is sent to, as the content says');
  }
  if (common && isCommonToAll) {
    return common;
  }
  return {
    calls,
    excluded,
    problems: [...skipped.size > 0 ? [missingAttributes(skipped, 'they were left out')] : [], ...problems.values()].slice(0, MAX_PROBLEMS),
    toValidate: [...toValidate].map(([id, body]) => ({ id, body })),
    ...(aggregationUnit !== undefined && { aggregationUnit }),
  };
}

async function checkPeople(addressees: readonly Addressee[], source: ContentSource): Promise<ContentError | undefined> {
  if (!source.mayFail) {
    return undefined;
  }
  const failing = new Map<string, number>();
  for (const { endpoint } of addressees) {
    const variant = await source.variantFor(endpoint);
    const rendered = variant instanceof ContentError || !variant.failsIfMissing ? [] : variant.render(endpoint);
    if (isMissing(rendered)) {
      count(failing, rendered.missing);
    }
  }
  return failing.size === 0 ? undefined : missingAttributes(failing, 'nobody is sent to, as the content says');
}

function count(tally: Map<string, number>, path: string): void {
  tally.set(path, (tally.get(path) ?? 0) + 1);
}

function missingAttributes(people: ReadonlyMap<string, number>, consequence: string): ContentError {
  const paths = [...people].slice(0, MAX_PROBLEMS).map(([path, number]) => `\`${path}\` for ${number} ${number === 1 ? 'person' : 'people'}`);
  const more = people.size > paths.length ? `, and ${people.size - paths.length} other attributes` : '';
  return new ContentError(SendErrorCode.MISSING_ATTRIBUTE,
    `there is no usable value of ${paths.join(', ')}${more}; ${consequence}: complete the endpoints, or write a default, \`{{${[...people.keys()][0]}|…}}\``);
}

/** What becomes of a person. */
type Outcome =
  /** `messages` is the text `"messages":[…]`. */
  | { readonly kind: 'text'; readonly messages: string; readonly variant: Variant }
  | { readonly kind: 'missing'; readonly path: string; readonly variant: Variant }
  /** `isCommon`: it is wrong for everybody who gets the same variant. */
  | { readonly kind: 'error'; readonly error: ContentError; readonly isCommon: boolean };

async function outcomeFor(endpoint: JsonObject, source: ContentSource): Promise<Outcome> {
  const variant = await source.variantFor(endpoint);
  return variant instanceof ContentError ? { kind: 'error', error: variant, isCommon: true } : variant.outcomeFor(endpoint);
}

// ---------------------------------------------------------------------------------------------------- variants

/** What all people of a content, or of a template in their language, have in common. */
interface Variant {
  /** Equal for equal messages, with their placeholders and `media://` addresses. */
  readonly id: string;
  /** What follows the messages in a request: `,"notificationDisabled":true,"customAggregationUnits":["…"]`, or nothing. */
  readonly settings: string;
  readonly aggregationUnit?: string;
  /** People get different messages. */
  readonly isPersonalised: boolean;
  /** A missing attribute fails the whole. */
  readonly failsIfMissing: boolean;
  readonly render: PersonalisedMessages['render'];
  /** Renders, resolves media and checks. */
  outcomeFor(endpoint: JsonObject): Promise<Outcome>;
}

/** `Data`, read. */
interface ContentSource {
  /** Whether some variant may have `failsIfMissing`. */
  readonly mayFail: boolean;
  variantFor(endpoint: JsonObject): Promise<Variant | ContentError>;
}

function contentSource(data: unknown, options: ContentOptions, templates: TemplateLibrary, media: MediaLibrary): ContentSource | ContentError {
  const content = parseContent(data, options);
  if (content instanceof ContentError) {
    return content;
  }
  if (content.kind === 'template') {
    return templateSource(content, options, templates, media);
  }
  const variant = makeVariant(content, media);
  return variant instanceof ContentError ? variant : { mayFail: variant.failsIfMissing, variantFor: async () => variant };
}

function templateSource(content: TemplateContent, { functionType }: ContentOptions, templates: TemplateLibrary, media: MediaLibrary): ContentSource {
  const { name, version, settings } = content;
  const load = async (key: string): Promise<Variant | ContentError | undefined> => {
    try {
      const template = await templates.find(key, version);
      const parsed = template && parseTemplate(key, template.text, functionType);
      return parsed === undefined || parsed instanceof ContentError ? parsed
        : makeVariant({ ...parsed, settings: { ...parsed.settings, ...settings } }, media, `template \`${key}\`: `);
    } catch (error) {
      return contentErrorOnly(error);
    }
  };
  const loaded = new Map<string, Promise<Variant | ContentError | undefined>>();
  return {
    mayFail: settings.missingAttribute !== 'skip',
    variantFor: async (endpoint) => {
      const keys = version === undefined ? templateCandidates(name, endpoint) : [defaultTemplate(name)];
      for (const key of keys) {
        const variant = await remember(loaded, key, () => load(key));
        if (variant) {
          return variant;
        }
      }
      return new ContentError(SendErrorCode.TEMPLATE_NOT_FOUND,
        `template ${keys.map((key) => `\`${key}\``).join(', nor ')} does not exist${version === undefined ? '' : ' in the version that `Data` names'}; `
        + 'upload it behind the prefix of templates, or correct `template` in `Data`');
    },
  };
}

/** @param place what errors begin with */
function makeVariant({ messages, settings }: MessagesContent, media: MediaLibrary, place = ''): Variant | ContentError {
  const placed = ({ code, message }: ContentError) => new ContentError(code, place + message);
  const compiled = compileMessages(messages);
  if (compiled instanceof ContentError) {
    return placed(compiled);
  }
  const { isPersonalised, render } = compiled;
  const outcome = async (endpoint: JsonObject): Promise<Outcome> => {
    const rendered = render(endpoint);
    if (isMissing(rendered)) {
      return { kind: 'missing', path: rendered.missing, variant };
    }
    const resolved = await resolveMedia(rendered, media, { quoteKeys: !isPersonalised });
    const error = resolved instanceof ContentError ? resolved : checkMessages(resolved);
    return error ? { kind: 'error', error: placed(error), isCommon: !isPersonalised }
      : { kind: 'text', messages: `"messages":${JSON.stringify(resolved)}`, variant };
  };
  const { notificationDisabled, customAggregationUnit, missingAttribute } = settings;
  const variant: Variant = {
    id: createHash('sha256').update(JSON.stringify(messages)).digest('hex').slice(0, 32),
    settings: (notificationDisabled ? ',"notificationDisabled":true' : '')
      + (customAggregationUnit === undefined ? '' : `,"customAggregationUnits":${JSON.stringify([customAggregationUnit])}`),
    aggregationUnit: customAggregationUnit,
    isPersonalised,
    failsIfMissing: isPersonalised && missingAttribute === 'fail',
    render,
    outcomeFor: isPersonalised ? outcome : once(() => outcome({})),
  };
  return variant;
}

function isMissing(rendered: readonly LineMessage[] | MissingAttribute): rendered is MissingAttribute {
  return 'missing' in rendered;
}

// ---------------------------------------------------------------------------------------------------- memory

/** Asks for each object, and for its URL, once: a signature costs more time than the rest of a message. */
function rememberingLibrary(library: MediaLibrary): MediaLibrary {
  const objects = new Map<string, Promise<MediaObject | undefined>>();
  const urls = new Map<MediaObject, Promise<string>>();
  return {
    types: library.types,
    find: async (type, key) => remember(objects, `${type}/${key}`, () => library.find(type, key)),
    url: async (object) => remember(urls, object, () => library.url(object)),
    imagemapUrl: (key, images) => library.imagemapUrl(key, images),
  };
}

/** What `make` promises, for the same key the same promise, unless it was broken. */
function remember<K, V>(memory: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = memory.get(key);
  if (known) {
    return known;
  }
  const made = make();
  memory.set(key, made);
  made.catch(() => memory.delete(key));
  return made;
}

function once<V>(make: () => Promise<V>): () => Promise<V> {
  const memory = new Map<true, Promise<V>>();
  return () => remember(memory, true, make);
}
