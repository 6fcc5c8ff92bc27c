/**
 * Loads a handler as a new Lambda container would: its module runs anew, with the environment as it is now.
 *
 * @param entry path below `src`, for example `line/handlers/process-events.lambda`
 * @param sdk AWS SDK packages that the test mocks: the handler gets the test's copies, not its own
 */
export function loadEntry<E, R>(entry: string, ...sdk: string[]): (event: E, context?: unknown) => Promise<R> {
  const copies = sdk.map((name) => [name, jest.requireActual<object>(name)] as const);
  let handler: (event: E, context?: unknown) => Promise<R>;
  jest.isolateModules(() => {
    copies.forEach(([name, copy]) => jest.doMock(name, () => copy));
    handler = jest.requireActual(`../../src/${entry}`).handler;
  });
  return handler!;
}
