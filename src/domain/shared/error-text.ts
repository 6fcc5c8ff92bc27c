/** Name and message of whatever was thrown, for a log line. Not for errors whose message may quote a person's data. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
