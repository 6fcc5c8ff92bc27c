/** A JSON object, parsed. */
export type JsonObject = { readonly [member: string]: unknown };

/** A LINE message object as it was written. Source: LINE, Messaging API reference, "Message objects". */
export interface LineMessage extends JsonObject {
  readonly type: string;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
