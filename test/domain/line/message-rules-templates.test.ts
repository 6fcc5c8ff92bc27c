import { buttons, carousel, column, confirm, imageCarousel, imageColumn, messageAction, template, uri, URL, wrong } from './message-rules-samples';
import type { JsonObject } from '../../../src/domain/line/line-message';

const FAMILY = '👨‍👩‍👧‍👦';

describe('templates that LINE takes', () => {
  test.each<[string, unknown]>([
    ['buttons with everything', buttons({
      thumbnailImageUrl: URL, imageAspectRatio: 'square', imageSize: 'contain', imageBackgroundColor: '#FFFFFF', title: 'Menu', defaultAction: uri(),
    })],
    ['confirmation', confirm()],
    ['carousel with everything', carousel([1, 2].map(() => column({ thumbnailImageUrl: URL, imageBackgroundColor: '#000000', title: 'Menu', defaultAction: uri() })),
      { imageAspectRatio: 'rectangle', imageSize: 'cover' })],
    ['columns whose titles are empty', carousel([column({ title: '' }), column()])],
    ['image carousel', imageCarousel([imageColumn(), imageColumn()])],
  ])('%s', (_name, message) => {
    expect(wrong(message)).toBeUndefined();
  });
});

describe('the text beside an image or a title', () => {
  test.each<[string, (members: JsonObject) => unknown, string]>([
    ['of buttons', (members) => buttons(members), '.template.text'],
    ['of a column', (members) => carousel([column(members)]), '.template.columns[0].text'],
  ])('%s has 60 grapheme clusters', (_name, message, path) => {
    for (const beside of [{ thumbnailImageUrl: URL }, { title: 'Menu' }, { thumbnailImageUrl: URL, title: 'Menu' }]) {
      for (const character of ['a', '🍎', FAMILY]) {
        expect(wrong(message({ ...beside, text: character.repeat(60) }))).toBeUndefined();
        expect(wrong(message({ ...beside, text: character.repeat(61) }))).toBe(
          `messages[0]${path} must be a string of 1 to 60 grapheme clusters beside an image or a title, got a string of more than 60 grapheme clusters; shorten it`);
      }
    }
    expect(wrong(message({ title: '', text: 'a'.repeat(61) }))).toBeUndefined();
  });
});

describe('templates that LINE refuses', () => {
  const two = (members: JsonObject) => carousel([column(), column(members)]);

  test.each<[string, unknown, string]>([
    ['no template', { type: 'template', altText: 'a' }, ' must be present, got nothing; add it'],
    ['no alternative text', { type: 'template', template: confirm().template }, 'altText'],
    ['a list', template([]), ' must be an object, got an array of 0; write an object with a `type`'],
    ['another type', template({ type: 'imagemap' }), '.type must be one of buttons, confirm, carousel, image_carousel, got a string of 8 UTF-16 code units; write one of these types'],
    ['buttons without text', template({ type: 'buttons', actions: [uri()] }), '.text must be present'],
    ['buttons without actions', template({ type: 'buttons', text: 'a' }), '.actions must be present'],
    ['another aspect ratio', buttons({ imageAspectRatio: '1:1' }), '.imageAspectRatio must be one of rectangle, square, got a string of 3 UTF-16 code units; write it exactly so'],
    ['another image size', carousel([column()], { imageSize: 'fit' }), '.imageSize must be one of cover, contain'],
    ['a color by name', buttons({ imageBackgroundColor: 'white' }), '.imageBackgroundColor must be a hexadecimal color code such as #00b900, got a string of 5 UTF-16 code units; correct it'],
    ['a confirmation with an object of actions', confirm({ actions: { 0: messageAction(), 1: messageAction() } }), '.actions must be an array of 2, got an object; write an array of so many'],
    ['a column without text', carousel([{ actions: [uri()] }]), '.columns[0].text must be present'],
    ['a column that is a text', carousel([column(), 'a']), '.columns[1] must be an object, got a string of 1 UTF-16 code units; write an object'],
    ['an image column without image', imageCarousel([{ action: uri() }]), '.columns[0].imageUrl must be present'],
    ['an image column without action', imageCarousel([imageColumn(), { imageUrl: URL }]), '.columns[1].action must be present'],
    ['more actions than in the first column', two({ actions: [uri(), uri()] }), '.columns[1].actions must be an array of 1 as in the first column, got an array of 2; give every column the same number of actions'],
    ['a title that the first column has not', two({ title: 'a' }), '.columns[1].title must be absent as in the first column, got one; give it to every column or to none'],
    ['an image that the first column has not', two({ thumbnailImageUrl: URL }), '.columns[1].thumbnailImageUrl must be absent as in the first column, got one'],
    ['no title though the first column has one', carousel([column({ title: 'a' }), column({ title: 'a' }), column()]), '.columns[2].title must be present as in the first column, got none'],
    ['no image though the first column has one', carousel([column({ thumbnailImageUrl: URL }), column()]), '.columns[1].thumbnailImageUrl must be present as in the first column, got none'],
  ])('%s', (_name, message, expected) => {
    expect(wrong(message)).toContain(expected === 'altText' ? 'messages[0].altText must be present' : `messages[0].template${expected}`);
  });
});
