import { JsonObject, isJsonObject } from './line-message';

/** Bytes of a template: LINE takes no request of more than 2 MB. Source: LINE, Messaging API reference, "Status codes", 413. */
export const MAX_TEMPLATE_BYTES = 1024 * 1024;

/** Where templates are. */
export interface TemplateLibrary {
  /**
   * A template's text and S3 version; undefined when there is none.
   *
   * @param key without the prefix of templates: `spring.ja.json`
   * @param version S3 version id; absent: the current one
   * @throws ContentError when the object cannot be a template: larger than 1 MB, or not UTF-8; or when the function may not read it
   */
  find(key: string, version?: string): Promise<{ readonly text: string; readonly version: string } | undefined>;
}

/** Names are parts of keys: `spring`, `2026/spring-sale.v2`. */
export function isTemplateName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 200 && /^[\w-]+(?:[./][\w-]+)*$/.test(value);
}

/**
 * Keys of a template for a person, the best first: `<name>.<language tag>.json` for `Demographic.Locale`, then for
 * `User.UserAttributes.language` (or `Language`; of several values the first), each shortened part by part, at last
 * `<name>.json`. Source of the shortening: RFC 4647, section 3.4, "Lookup".
 */
export function templateCandidates(name: string, endpoint: JsonObject): readonly string[] {
  const attributes = member(member(endpoint, 'User'), 'UserAttributes');
  const tags = [member(member(endpoint, 'Demographic'), 'Locale'), member(attributes, 'language') ?? member(attributes, 'Language')]
    .flatMap((value) => languageTags(Array.isArray(value) ? value[0] : value));
  return [...new Set(tags.map((tag) => `${name}.${tag}.json`)), defaultTemplate(name)];
}

/** Key of the template for people whose language has none. */
export function defaultTemplate(name: string): string {
  return `${name}.json`;
}

/** Language, script, region; what a system may append (`ja_JP.UTF-8`) does not matter. Source: RFC 5646, section 2.1. */
const LANGUAGE_TAG = /^([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?(?![a-z0-9])/i;

/** `ja_JP` → `ja-JP`, `ja`; nothing for what is no language tag. Spelling: RFC 5646, section 2.1.1. */
function languageTags(value: unknown): string[] {
  const match = typeof value === 'string' ? LANGUAGE_TAG.exec(value.trim()) : null;
  if (!match) {
    return [];
  }
  const [, language, script, region] = match;
  const parts = [
    language.toLowerCase(),
    ...(script ? [script[0].toUpperCase() + script.slice(1).toLowerCase()] : []),
    ...(region ? [region.toUpperCase()] : []),
  ];
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'));
}

/** An own member, since names like `constructor` are nobody's language. */
function member(object: unknown, name: string): unknown {
  return isJsonObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}
