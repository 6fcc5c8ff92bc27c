import { App, CfnParameter, Lazy, Stack } from 'aws-cdk-lib';
import { checkBaseUrl, checkInteger, checkPattern, fail } from '../../src/shared/validation';
import { messageOf, testStack } from '../support/template';

const LOOPBACK = 'http:// is allowed to a loopback address only, because the request carries the access token';

describe('fail', () => {
  test('says where in the tree it happened', () => {
    expect(messageOf((stack) => fail(stack, 'why'))).toBe('Stack: why');
    expect(() => fail(new App(), 'why')).toThrow('<app>: why');
  });
});

describe('checkPattern', () => {
  test.each([[undefined], ['abc'], [Lazy.string({ produce: () => 'NOT' })]])('lets %p pass', (value) => {
    expect(() => checkPattern(testStack(), 'prop', value, /^[a-z]+$/, 'lower case')).not.toThrow();
  });

  test('fails with prop, allowed form and value', () => {
    expect(messageOf((stack) => checkPattern(stack, 'prop', 'NOT', /^[a-z]+$/, 'lower case'))).toBe("Stack: `prop` must be lower case, got 'NOT'");
  });
});

describe('checkInteger', () => {
  test.each([[undefined], [1], [9]])('lets %p pass', (value) => {
    expect(() => checkInteger(testStack(), 'prop', value, 1, 9)).not.toThrow();
  });

  test('lets a parameter pass', () => {
    const stack = testStack();
    expect(() => checkInteger(stack, 'prop', new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber, 1, 9)).not.toThrow();
  });

  test.each([[0], [10], [1.5], [NaN], [-3]])('fails for %p with prop, range and value', (value) => {
    expect(messageOf((stack) => checkInteger(stack, 'prop', value, 1, 9))).toBe(`Stack: \`prop\` must be a whole number from 1 to 9, got ${value}`);
  });
});

describe('checkBaseUrl', () => {
  test.each([
    [undefined], ['https://proxy.example.com'], ['https://proxy.example.com:8443'], ['https://proxy.example.com/'],
    ['http://localhost:8080'], ['http://127.0.0.1:1'], ['http://127.1.2.3'], ['http://[::1]:8080'], [Lazy.string({ produce: () => 'ftp://x' })],
  ])('lets %p pass', (value) => {
    expect(() => checkBaseUrl(testStack(), 'apiBaseUrl', value)).not.toThrow();
  });

  test.each([
    ['', "must be a URL such as 'https://proxy.example.com'"],
    ['proxy.example.com', "must be a URL such as 'https://proxy.example.com'"],
    ['http://proxy.example.com', LOOPBACK],
    ['http://127.0.0.1.example.com', LOOPBACK],
    ['http://localhost.example.com', LOOPBACK],
    ['ftp://localhost', LOOPBACK],
    ['https://proxy.example.com/v2', 'must be scheme, host and port only'],
    ['https://proxy.example.com?x', 'must be scheme, host and port only'],
    ['https://proxy.example.com#x', 'must be scheme, host and port only'],
    ['https://user@proxy.example.com', 'must be scheme, host and port only'],
  ])('fails for %p', (value, reason) => {
    const message = messageOf((stack: Stack) => checkBaseUrl(stack, 'apiBaseUrl', value));
    expect(message).toContain('Stack: `apiBaseUrl`');
    expect(message).toContain(reason);
    expect(message).toContain(`got '${value}'`);
  });
});
