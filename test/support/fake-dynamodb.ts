import {
  AttributeValue, BatchGetItemCommand, BatchGetItemCommandInput, ConditionalCheckFailedException, DeleteItemCommand, DeleteItemCommandInput,
  DynamoDBClient, GetItemCommand, PutItemCommand, PutItemCommandInput, QueryCommand, QueryCommandInput, TransactWriteItemsCommand,
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
 * Just enough of DynamoDB, keyed by `pk` and `sk`, to run the library's own expressions: GetItem, PutItem, UpdateItem, DeleteItem,
 * BatchGetItem, Query of one partition, and TransactWriteItems of puts; comparisons, `attribute_exists`, `attribute_not_exists`, AND, OR,
 * parentheses; SET with `if_not_exists`, `list_append` or a sum, REMOVE; ADD and DELETE of sets of strings. Anything else throws.
 * Placeholders that are not used are refused, as DynamoDB does.
 */
export class FakeDynamoDb {
  public readonly items = new Map<string, Item>();

  /** @param mock answers from these items; without one, `send` does */
  constructor(mock?: AwsClientStub<DynamoDBClient>) {
    mock?.on(GetItemCommand).callsFake((input) => this.get(input));
    mock?.on(PutItemCommand).callsFake((input) => this.put(input));
    mock?.on(UpdateItemCommand).callsFake((input) => this.update(input));
    mock?.on(DeleteItemCommand).callsFake((input) => this.delete(input));
    mock?.on(BatchGetItemCommand).callsFake((input) => this.batchGet(input));
    mock?.on(QueryCommand).callsFake((input) => this.query(input));
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
    if (command instanceof DeleteItemCommand) {
      return this.delete(command.input);
    }
    if (command instanceof BatchGetItemCommand) {
      return this.batchGet(command.input);
    }
    if (command instanceof QueryCommand) {
      return this.query(command.input);
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

  private delete(input: DeleteItemCommandInput): object {
    const key = keyOf(input.Key!);
    const { before } = this.check(input, key);
    this.items.delete(key);
    return { Attributes: before };
  }

  /** Whole items: a projection only leaves out. Source: Amazon DynamoDB, "BatchGetItem". */
  private batchGet({ RequestItems }: BatchGetItemCommandInput): object {
    const responses = Object.entries(RequestItems!).map(([table, { Keys = [] }]) => {
      if (Keys.length > 100 || new Set(Keys.map(keyOf)).size < Keys.length) {
        throw Object.assign(new Error('at most 100 keys, each once'), { name: 'ValidationException' });
      }
      return [table, Keys.map((key) => this.items.get(keyOf(key))).filter((item) => item !== undefined)];
    });
    return { Responses: Object.fromEntries(responses), UnprocessedKeys: {} };
  }

  /** Of one partition, in the order of the sort keys. */
  private query(input: QueryCommandInput): object {
    const { ExpressionAttributeNames = {}, ExpressionAttributeValues = {}, Limit, ExclusiveStartKey } = input;
    const [, name, value] = /^(\S+) = (\S+)$/.exec(input.KeyConditionExpression!)!;
    if (resolve(name, { names: ExpressionAttributeNames, values: {} }) !== 'pk') {
      throw new Error(`key condition ${input.KeyConditionExpression}`);
    }
    const rest = [...this.items.values()]
      .filter(({ pk, sk }) => pk.S === ExpressionAttributeValues[value].S && (!ExclusiveStartKey || sk.S! > ExclusiveStartKey.sk.S!))
      .sort((one, other) => (one.sk.S! < other.sk.S! ? -1 : 1));
    const Items = rest.slice(0, Limit);
    return { Items, ...(Items.length < rest.length && { LastEvaluatedKey: { pk: Items.at(-1)!.pk, sk: Items.at(-1)!.sk } }) };
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
    return { Attributes: input.ReturnValues?.endsWith('_NEW') ? after : before };
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
  const sections = expression.split(/ (?=(?:SET|REMOVE|ADD|DELETE) )/).map((section) => /^(SET|REMOVE|ADD|DELETE) (.+)$/.exec(section)!.slice(1, 3));
  const { SET: set, REMOVE: remove, ADD: add, DELETE: take }: Record<string, string | undefined> = Object.fromEntries(sections);
  for (const action of set?.split(/, (?![^(]*\))/) ?? []) {
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
  for (const [action, isAdd] of [[add, true], [take, false]] as const) {
    if (action !== undefined) {
      const [, path, source] = /^(\S+) (\S+)$/.exec(action)!;
      const name = resolve(path, expressions);
      const given = read(source, before, expressions)!.SS!;
      const had = before[name]?.SS ?? [];
      const SS = isAdd ? [...new Set([...had, ...given])] : had.filter((value) => !given.includes(value));
      if (SS.length > 0) {
        item[name] = { SS };
      } else {
        delete item[name];
      }
    }
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
