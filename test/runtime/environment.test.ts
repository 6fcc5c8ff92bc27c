import { envFlag, optionalEnv, requireEnv } from '../../src/runtime/environment';

const NAME = 'LINE_PINPOINT_TEST_VARIABLE';

afterEach(() => {
  delete process.env[NAME];
});

describe.each([['absent', undefined], ['empty', '']])('a variable that is %s', (_case, value) => {
  beforeEach(() => {
    if (value !== undefined) {
      process.env[NAME] = value;
    }
  });

  test('fails by its name when it is required', () => {
    expect(() => requireEnv(NAME)).toThrow(`environment variable ${NAME} is missing`);
  });

  test('is undefined when it is optional', () => {
    expect(optionalEnv(NAME)).toBeUndefined();
  });

  test('is false as a flag', () => {
    expect(envFlag(NAME)).toBe(false);
  });
});

test('a variable that is set is read', () => {
  process.env[NAME] = 'value';
  expect([requireEnv(NAME), optionalEnv(NAME)]).toEqual(['value', 'value']);
});

test.each([['true', true], ['false', false], ['TRUE', false], ['1', false]])('the flag %p is %p', (value, flag) => {
  process.env[NAME] = value;
  expect(envFlag(NAME)).toBe(flag);
});
