import {
  AttributeValue, ConditionalCheckFailedException, DynamoDBClient, GetItemCommand, PutItemCommand, PutItemCommandInput, TransactWriteItemsCommand,
  TransactWriteItemsCommandInput, TransactionCanceledException, UpdateItemCommand, UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { AwsClientStub } from 'aws-sdk-client-mock';

type Item = Record<string, AttributeValue>;

interface Expressions {
  readonly names: Record<string, string>;
  readonly values: Item;
}

interface ConditionalInput {
  readonly ConditionExpression?: string;
  readonly UpdateExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
  readonly ReturnValues?: string;
  readonly ReturnValuesOnConditionCheckFailure?: string;
}

/**
 * Just enough of DynamoDB, keyed by `pk` and `sk`, to run the library's own expressions: GetItem, PutItem, UpdateItem, and
 * TransactWriteItems of puts; comparisons, `attribute_exists`, `attribute_not_exists`, AND, OR, parentheses; SET with
 * `if_not_exists`, `list_append` or a sum, REMOVE. Anything else throws. Placeholders that are not used are refused, as DynamoDB does.
 */
export class FakeDynamoDb {
  public readonly items = new Map<string, Item>();

  /** @param mock answers from these items; without one, `send` does */
  constructor(mock?: AwsClientStub<DynamoDBClient>) {
    mock?.on(GetItemCommand).callsFake((input) => this.get(input));
    mock?.on(PutItemCommand).callsFake((input) => this.put(input));
    mock?.on(UpdateItemCommand).callsFake((input) => this.update(input));
    mock?.on(TransactWriteItemsCommand).callsFake((input) => this.transact(input));
  }

  /** What the client's own `send` answers. */
  public async send(command: unknown): Promise<object> {
    if (command instanceof GetItemCommand) {
      return this.get(command.input);
    }
    if (command instanceof PutItemCommand) {
      return this.put(command.input);
    }
    if (command instanceof UpdateItemCommand) {
      return this.update(command.input);
    }
    if (command instanceof TransactWriteItemsCommand) {
      return this.transact(command.input);
    }
    throw new Error(`${(command as object).constructor.name} is not faked`);
  }

  public row(pk: string, sk: string): Item | undefined {
    return this.items.get(`${pk} ${sk}`);
  }

  private get({ Key }: { Key?: Item }): object {
    return { Item: this.items.get(keyOf(Key!)) };
  }

  private put(input: PutItemCommandInput): object {
    return this.write(input, keyOf(input.Item!), () => input.Item!);
  }

  private update(input: UpdateItemCommandInput): object {
    return this.write(input, keyOf(input.Key!), (before, expressions) => {
      const item = structuredClone(before ?? input.Key!);
      update(input.UpdateExpression!, item, before ?? {}, expressions);
      return item;
    });
  }

  /** All or nothing; a refusal says of each write why. Source: Amazon DynamoDB, "TransactWriteItems", `CancellationReasons`. */
  private transact({ TransactItems }: TransactWriteItemsCommandInput): object {
    const puts = TransactItems!.map(({ Put }) => Put!);
    if (puts.length > 100 || new Set(puts.map(({ Item }) => keyOf(Item!))).size < puts.length) {
      throw Object.assign(new Error('at most 100 writes, of different items'), { name: 'ValidationException' });
    }
    const reasons = puts.map((put) => {
      try {
        this.check(put, keyOf(put.Item!));
        return { Code: 'None' };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) {
          throw error;
        }
        return { Code: 'ConditionalCheckFailed', Item: error.Item };
      }
    });
    if (reasons.some(({ Code }) => Code !== 'None')) {
      throw new TransactionCanceledException({ message: 'Transaction cancelled', $metadata: {}, CancellationReasons: reasons });
    }
    puts.forEach(({ Item }) => this.items.set(keyOf(Item!), Item!));
    return {};
  }

  private write(input: ConditionalInput, key: string, change: (before: Item | undefined, expressions: Expressions) => Item): object {
    const { before, expressions } = this.check(input, key);
    const after = change(before, expressions);
    this.items.set(key, after);
    return { Attributes: input.ReturnValues === 'UPDATED_NEW' ? after : before };
  }

  private check(input: ConditionalInput, key: string): { before: Item | undefined; expressions: Expressions } {
    const expressions = { names: input.ExpressionAttributeNames ?? {}, values: input.ExpressionAttributeValues ?? {} };
    checkUsed(input, expressions);
    const before = this.items.get(key);
    if (input.ConditionExpression && !holds(input.ConditionExpression, before ?? {}, expressions)) {
      const Item = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' ? before : undefined;
      throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {}, Item });
    }
    return { before, expressions };
  }
}

function keyOf({ pk, sk }: Item): string {
  return `${pk.S} ${sk.S}`;
}

function checkUsed({ ConditionExpression, UpdateExpression }: ConditionalInput, { names, values }: Expressions): void {
  const expressions = `${ConditionExpression} ${UpdateExpression}`;
  for (const placeholder of [...Object.keys(names), ...Object.keys(values)]) {
    if (!new RegExp(`${placeholder}(?!\\w)`).test(expressions)) {
      throw new Error(`ValidationException: ${placeholder} is not used in any expression`);
    }
  }
}

function holds(expression: string, item: Item, expressions: Expressions): boolean {
  const tokens = expression.match(/\(|\)|<=|>=|=|<|>|[\w#:.]+/g)!;
  let next = 0;
  const expect = (token: string) => {
    if (tokens[next++] !== token) {
      throw new Error(`expected ${token} at token ${next} of ${expression}`);
    }
  };
  const or = (): boolean => {
    let result = and();
    while (tokens[next] === 'OR') {
      next++;
      result = and() || result;
    }
    return result;
  };
  const and = (): boolean => {
    let result = term();
    while (tokens[next] === 'AND') {
      next++;
      result = term() && result;
    }
    return result;
  };
  const term = (): boolean => {
    const token = tokens[next++];
    if (token === '(') {
      const result = or();
      expect(')');
      return result;
    }
    if (token === 'attribute_exists' || token === 'attribute_not_exists') {
      expect('(');
      const exists = read(tokens[next++], item, expressions) !== undefined;
      expect(')');
      return exists === (token === 'attribute_exists');
    }
    return compare(read(token, item, expressions), tokens[next++], read(tokens[next++], item, expressions));
  };
  const result = or();
  expect(undefined as unknown as string);
  return result;
}

function compare(left: AttributeValue | undefined, operator: string, right: AttributeValue | undefined): boolean {
  const [a, b] = left?.N !== undefined ? [Number(left.N), Number(right?.N)] : [left?.S, right?.S];
  if (a === undefined || b === undefined) {
    return false;
  }
  switch (operator) {
    case '=': return a === b;
    case '<': return a < b;
    case '<=': return a <= b;
    case '>': return a > b;
    case '>=': return a >= b;
    default: throw new Error(`operator ${operator}`);
  }
}

function update(expression: string, item: Item, before: Item, expressions: Expressions): void {
  const [, set, remove] = /^SET (.*?)(?: REMOVE (.*))?$/.exec(expression)!;
  for (const action of set.split(/, (?![^(]*\))/)) {
    const [, path, source] = /^(\S+) = (.+)$/.exec(action)!;
    const value = evaluate(source, before, expressions);
    const names = path.split('.').map((part) => resolve(part, expressions));
    const parent = names.slice(0, -1).reduce<Item | undefined>((map, name) => map?.[name]?.M, item);
    if (!parent || !value) {
      throw Object.assign(new Error('The document path provided in the update expression is invalid for update'), { name: 'ValidationException' });
    }
    parent[names.at(-1)!] = structuredClone(value);
  }
  for (const path of remove?.split(', ') ?? []) {
    delete item[resolve(path, expressions)];
  }
}

function evaluate(source: string, item: Item, expressions: Expressions): AttributeValue | undefined {
  const [, one, other] = /^(.+) \+ (\S+)$/.exec(source) ?? [];
  if (one) {
    return { N: String(Number(evaluate(one, item, expressions)?.N) + Number(read(other, item, expressions)?.N)) };
  }
  const [, name, first, second] = /^(if_not_exists|list_append)\((.+), (\S+)\)$/.exec(source) ?? [];
  if (name === 'list_append') {
    return { L: [...evaluate(first, item, expressions)!.L!, ...read(second, item, expressions)!.L!] };
  }
  return name ? read(first, item, expressions) ?? read(second, item, expressions) : read(source, item, expressions);
}

function read(operand: string, item: Item, expressions: Expressions): AttributeValue | undefined {
  if (operand.startsWith(':')) {
    return expressions.values[operand];
  }
  const [first, ...rest] = operand.split('.').map((part) => resolve(part, expressions));
  return rest.reduce<AttributeValue | undefined>((value, name) => value?.M?.[name], item[first]);
}

function resolve(part: string, { names }: Expressions): string {
  const name = part.startsWith('#') ? names[part] : part;
  if (name === undefined) {
    throw new Error(`ValidationException: ${part} is not defined`);
  }
  return name;
}
