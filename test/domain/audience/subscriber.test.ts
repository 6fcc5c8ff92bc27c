import { parseUnsubscribeMode } from '../../../src/domain/audience/subscriber';

// What the writes do is tested where they are run, in test/runtime/subscriber-store.test.ts.

test.each(['OPT_OUT', 'DELETE'])('%s is an unsubscribe mode', (mode) => {
  expect(parseUnsubscribeMode(mode)).toBe(mode);
});

test.each(['', 'delete', 'ERASE'])('fails for the unsubscribe mode "%s"', (mode) => {
  expect(() => parseUnsubscribeMode(mode)).toThrow(`the unsubscribe mode is "${mode}", but must be OPT_OUT or DELETE`);
});
