import { JsonObject } from './line-message';
import { anyString, byType, CountUnit, describe, link, object, oneOf, problem, Problem, Rule, string, at } from './message-rules-checker';

/** LINE's limits of action objects, place by place. Source: LINE, Messaging API reference, "Action objects". */

const unit: CountUnit = 'grapheme clusters';

/** Source: LINE, "Postback action", `data`; the OpenAPI description allows an empty one. */
const data = string({ min: 0, max: 300 });

/** Text that a tap writes into the chat. Source: LINE, "Postback action", "Message action", "Character counting in a text". */
const spoken = { max: 300, unit } as const;

/** Source: LINE, "Postback action". */
function postbackTexts({ displayText, text, fillInText, inputOption }: JsonObject): Problem | undefined {
  if (displayText !== undefined && text !== undefined) {
    return at('.text', problem(describe(text), 'absent beside `displayText`', 'keep `displayText`; `text` is deprecated'));
  }
  if (fillInText !== undefined && inputOption !== 'openKeyboard') {
    return at('.fillInText', problem(describe(fillInText), 'absent unless `inputOption` is openKeyboard', 'add the option or remove the text'));
  }
  return undefined;
}

const DATE = String.raw`\d{4}-\d\d-\d\d`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`;

/** Source: LINE, "Date and time format". */
const MOMENTS: Readonly<Record<string, { readonly pattern: RegExp; readonly words: string }>> = {
  date: { pattern: new RegExp(`^${DATE}$`), words: 'a date YYYY-MM-DD from 1900-01-01 to 2100-12-31' },
  time: { pattern: new RegExp(`^${TIME}$`), words: 'a time HH:MM from 00:00 to 23:59' },
  datetime: { pattern: new RegExp(`^${DATE}[Tt]${TIME}$`), words: 'a date and time YYYY-MM-DDTHH:MM from 1900-01-01T00:00 to 2100-12-31T23:59' },
};

/** Source: LINE, "Datetime picker action" and "Date and time format". */
function moments(action: JsonObject): Problem | undefined {
  const { pattern, words } = MOMENTS[action.mode as string];
  for (const name of ['initial', 'max', 'min']) {
    const value = action[name];
    if (value !== undefined && !(pattern.test(value as string) && isCalendarDay(value as string))) {
      return at(`.${name}`, problem(describe(value), words, 'write it as the `mode` has it, without time zone'));
    }
  }
  // Both have the same form, whose alphabetical order is that of time once the T is of one case.
  if (action.max !== undefined && action.min !== undefined && String(action.max).toUpperCase() <= String(action.min).toUpperCase()) {
    return at('.max', problem('another one', 'later than `min`', 'exchange the two, or write a later one'));
  }
  return undefined;
}

/** The date that the text begins with, if it does, is in the calendar. Source: LINE, "Date and time format", Max and Min. */
function isCalendarDay(text: string): boolean {
  if (!text.includes('-')) {
    return true;
  }
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 1900 && year <= 2100 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** The actions of every place, with the place's rule of the label. */
function actions(label: Readonly<Record<string, Rule>>): Readonly<Record<string, Rule>> {
  return {
    postback: object({
      ...label,
      'data': data,
      'displayText?': string({ ...spoken, min: 0 }),
      'text?': string({ ...spoken, min: 0 }),
      'inputOption?': oneOf('closeRichMenu', 'openRichMenu', 'openKeyboard', 'openVoice'),
      'fillInText?': string({ ...spoken, min: 0 }),
    }, postbackTexts),
    message: object({ ...label, text: string(spoken) }),
    uri: object({ ...label, 'uri': link, 'altUri?': object({ 'desktop?': link }) }),
    datetimepicker: object({
      ...label,
      'data': data,
      'mode': oneOf(...Object.keys(MOMENTS)),
      'initial?': anyString,
      'max?': anyString,
      'min?': anyString,
    }, moments),
    clipboard: object({ ...label, clipboardText: string({ max: 1_000 }) }),
  };
}

/** Source: LINE, "Specifications of the label". */
const label = (max: number) => ({ label: string({ max, unit }) });
const optionalLabel = (max: number) => ({ 'label?': string({ min: 0, max, unit }) });

const camera = object(label(20));

const PLACES = 'write one of these types; camera, cameraRoll and location belong to quick replies, richmenuswitch to rich menus';

/** Of templates that are no image carousel. Source: LINE, "Specifications of the label". */
export const templateAction = byType(actions(label(20)), PLACES);

/** Of a column of an image carousel. Source: LINE, "Specifications of the label". */
export const imageColumnAction = byType(actions(optionalLabel(12)), PLACES);

/** Source: LINE, "Quick reply button object", "Camera action", "Camera roll action", "Location action". */
export const quickReplyAction = byType({ ...actions(label(20)), camera, cameraRoll: camera, location: camera },
  'write one of these types; richmenuswitch belongs to rich menus');

/** Of a Flex button. Source: LINE, "Specifications of the label". */
export const flexButtonAction = byType(actions(label(40)), PLACES);

/** Of any other part of a Flex message. Source: LINE, "Specifications of the label". */
export const flexAction = byType(actions(optionalLabel(40)), PLACES);

/** Source: LINE, Flex Message, "Video", `action`. */
export const flexVideoAction = byType({ uri: actions(optionalLabel(40)).uri }, 'give a video a uri action only');
