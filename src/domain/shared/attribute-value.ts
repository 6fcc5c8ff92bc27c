/** DynamoDB's typed value, as streams write it. Source: Amazon DynamoDB, "AttributeValue". Binary values are not read here. */
export interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly BOOL?: boolean;
  readonly NULL?: boolean;
  readonly L?: AttributeValue[];
  readonly M?: Record<string, AttributeValue>;
  readonly SS?: string[];
  readonly NS?: string[];
}

/** The plain value of a typed one; sets become lists, null and what is not known here become undefined. */
export function fromAttributeValue(value: AttributeValue): unknown {
  if (value.L !== undefined) {
    return value.L.map(fromAttributeValue);
  }
  if (value.M !== undefined) {
    return fromAttributeMap(value.M);
  }
  return value.S ?? (value.N === undefined ? undefined : Number(value.N)) ?? value.BOOL ?? value.SS ?? value.NS?.map(Number);
}

/** The plain object of a row or a map. */
export function fromAttributeMap(map: Record<string, AttributeValue>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, fromAttributeValue(value)]));
}
