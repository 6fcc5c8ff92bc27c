import { JsonObject } from './line-message';
import { imageColumnAction, templateAction } from './message-rules-actions';
import { at, byType, color, CountUnit, hasMoreGraphemes, list, mediaUrl, object, oneOf, problem, Problem, Rule, string } from './message-rules-checker';

/** LINE's limits of templates. Source: LINE, Messaging API reference, "Template messages". */

const unit: CountUnit = 'grapheme clusters';

const images = { 'imageAspectRatio?': oneOf('rectangle', 'square'), 'imageSize?': oneOf('cover', 'contain') };

/** What a buttons template and a column of a carousel have in common, `text` being as long as without image and title. */
function card(maxText: number, maxActions: number): Readonly<Record<string, Rule>> {
  return {
    'thumbnailImageUrl?': mediaUrl,
    'imageBackgroundColor?': color,
    'title?': string({ min: 0, max: 40, unit }),
    'text': string({ max: maxText, unit }),
    'defaultAction?': templateAction,
    'actions': list(templateAction, { max: maxActions }),
  };
}

const MAX_TEXT_BESIDE_IMAGE_OR_TITLE = 60;

/** Source: LINE, "Buttons template" and "Column object for carousel", `text`. */
function textBesideImageOrTitle({ thumbnailImageUrl, title, text }: JsonObject): Problem | undefined {
  const max = MAX_TEXT_BESIDE_IMAGE_OR_TITLE;
  // The members' own rules have seen that it is a string.
  const characters = text as string;
  return (thumbnailImageUrl || title) && hasMoreGraphemes(characters, max)
    ? at('.text', problem(`a string of more than ${max} ${unit}`, `a string of 1 to ${max} ${unit} beside an image or a title`, 'shorten it'))
    : undefined;
}

/** Source: LINE, "Column object for carousel", note. */
function alike([first, ...others]: readonly JsonObject[]): Problem | undefined {
  const count = ({ actions }: JsonObject) => (actions as unknown[]).length;
  for (const [position, column] of others.entries()) {
    const step = `[${position + 1}]`;
    if (count(column) !== count(first)) {
      return at(`${step}.actions`, problem(`an array of ${count(column)}`, `an array of ${count(first)} as in the first column`,
        'give every column the same number of actions'));
    }
    for (const name of ['thumbnailImageUrl', 'title']) {
      if (Boolean(column[name]) !== Boolean(first[name])) {
        return at(`${step}.${name}`, problem(column[name] ? 'one' : 'none', `${first[name] ? 'present' : 'absent'} as in the first column`,
          'give it to every column or to none'));
      }
    }
  }
  return undefined;
}

/** A member `template`. */
export const template = byType({
  buttons: object({ ...card(160, 4), ...images }, textBesideImageOrTitle),
  confirm: object({ text: string({ max: 240, unit }), actions: list(templateAction, { min: 2, max: 2 }) }),
  carousel: object({ columns: list<JsonObject>(object(card(120, 3), textBesideImageOrTitle), { max: 10 }, alike), ...images }),
  image_carousel: object({ columns: list(object({ imageUrl: mediaUrl, action: imageColumnAction }), { max: 10 }) }),
});
