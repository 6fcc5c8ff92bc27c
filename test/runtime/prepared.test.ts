import { prepared } from '../../src/runtime/prepared';

const environment = process.env;

afterEach(() => { process.env = environment; });

test('what the deployed export needs is made when the bundle is loaded, once', () => {
  // GIVEN
  process.env = { _HANDLER: 'index.sendChunk' };
  const make = jest.fn(() => 'clients');
  // WHEN
  const get = prepared('sendChunk', make);
  // THEN
  expect(make).toHaveBeenCalledTimes(1);
  expect([get(), get()]).toEqual(['clients', 'clients']);
  expect(make).toHaveBeenCalledTimes(1);
});

test.each([
  ['another export of the bundle', 'index.sendMessage'],
  ['an export whose name ends alike', 'index.resendChunk'],
  ['a layer\'s own handler', '/opt/nodejs/wrapper.handler'],
  ['outside of Lambda', undefined],
])('%s: it is made when it is first asked for', (_case, handler) => {
  // GIVEN
  process.env = { ...handler !== undefined && { _HANDLER: handler } };
  const make = jest.fn(() => undefined);
  // WHEN
  const get = prepared('sendChunk', make);
  // THEN
  expect(make).not.toHaveBeenCalled();
  get();
  get();
  expect(make).toHaveBeenCalledTimes(1);
});

test('what cannot be made says so at once, and each time that it is asked for', () => {
  const make = () => { throw new Error('environment variable X is missing'); };
  process.env = { _HANDLER: 'index.sendChunk' };
  expect(() => prepared('sendChunk', make)).toThrow('X is missing');
  process.env = {};
  const get = prepared('sendChunk', make);
  expect(get).toThrow('X is missing');
  expect(get).toThrow('X is missing');
});
