import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** The typed values of a plain object's members, less those that are undefined. */
export function attributeMap(values: object): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => [name, attributeValue(value)]));
}

/** The typed value of what this library writes: strings, numbers, booleans, sets of strings, lists and maps. */
export function attributeValue(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string': return { S: value };
    case 'number': return { N: String(value) };
    case 'boolean': return { BOOL: value };
    default: break;
  }
  if (value instanceof Set) {
    return { SS: [...value] };
  }
  return Array.isArray(value) ? { L: value.map(attributeValue) } : { M: attributeMap(value as object) };
}
