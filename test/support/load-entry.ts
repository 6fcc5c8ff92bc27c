/**
 * Loads a handler as a new Lambda container would: its module runs anew, with the environment as it is now, and `_HANDLER` besides.
 *
 * @param entry path below `src`, `line/handlers/process-events.lambda`, with the export unless that is `handler`:
 *   `line/handlers/sender.lambda#sendChunk`
 * @param sdk AWS SDK packages that the test mocks: the handler gets the test's copies, not its own
 */
export function loadEntry<E, R>(entry: string, ...sdk: string[]): (event: E, context?: unknown) => Promise<R> {
  const copies = sdk.map((name) => [name, jest.requireActual<object>(name)] as const);
  const [file, exported = 'handler'] = entry.split('#');
  process.env._HANDLER = `index.${exported}`;
  let handler: (event: E, context?: unknown) => Promise<R>;
  jest.isolateModules(() => {
    copies.forEach(([name, copy]) => jest.doMock(name, () => copy));
    handler = jest.requireActual(`../../src/${file}`)[exported];
  });
  return handler!;
}
