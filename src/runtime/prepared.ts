/**
 * What an export of a bundle with several handlers needs, made once: as soon as the bundle is loaded when the function was
 * deployed with that export, because Lambda starts a function with more processor time than it then has; for any other export
 * only when it is asked for, because no function has the environment of all of them.
 *
 * Source: AWS Lambda, "Defined runtime environment variables", `_HANDLER`: `<file>.<export>`.
 *
 * @param name of the export
 * @throws what `make` throws, at once or when it is asked for
 */
export function prepared<T>(name: string, make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  const get = () => (made ??= { value: make() }).value;
  if (process.env._HANDLER?.endsWith(`.${name}`)) {
    get();
  }
  return get;
}
