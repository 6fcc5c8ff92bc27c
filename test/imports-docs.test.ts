import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ts from 'typescript';
import { documented } from './support/documented';
import { ImportWorld, STARTED_AT, importRow, userId } from './support/import-world';
import { ENV_IMPORT_CONFIG } from '../src/contract/environment';
import { FreezeInput, ImportConfig, ImportExecution, ImportRow, ImportStats, ImportSummary, WriteItem, importKey } from '../src/contract/imports';
import { Metric } from '../src/contract/metrics';
import { finishImport } from '../src/domain/audience/finish-import';
import { freezeImport } from '../src/domain/audience/freeze-import';
import { tagOf } from '../src/domain/audience/import-file-name';
import { importIdOf } from '../src/domain/audience/import-id';
import { listFollowers } from '../src/domain/audience/list-followers';
import { writeImport } from '../src/domain/audience/write-import';
import { JobNotification } from '../src/domain/shared/notification';
import { LineChannel, OtherColumns, S3SubscriberImport, SegmentTag, SubscriberFileFormat } from '../src/index';
import { parseCsv } from '../src/runtime/csv-parser';
import { unzipped } from '../src/runtime/import-file';

const { blocks, block, table, code, codes, page } = documented('docs/imports.md');

const PERSON = 'U0123456789abcdef0123456789abcdef';
/** After everything on the page. */
const MODIFIED_AT = Date.parse('2026-11-23T09:00:00Z');
const CONFIG: ImportConfig = {
  name: 'Import',
  channelKey: 'line',
  format: 'AUTO',
  columns: {},
  otherColumns: 'ATTRIBUTES',
  maxRejectedPercent: 10,
  allowReOptIn: false,
  tag: { kind: 'none' },
  replaceTag: false,
};

/** An import, from a file to the summary. */
class DroppedFile {
  public readonly world: ImportWorld;
  public readonly notified: JobNotification[] = [];
  private readonly config: ImportConfig;
  private readonly input: FreezeInput<ImportExecution>;

  constructor(private readonly text: string, config: Partial<ImportConfig> = {}, key = 'import/members.csv') {
    this.config = { ...CONFIG, ...config };
    this.world = new ImportWorld(this.config.allowReOptIn);
    this.input = {
      input: { detail: { bucket: { name: 'files' }, object: { key, 'size': text.length, 'version-id': 'v1' } } },
      execution: 'execution',
      startedAt: '2026-11-23T09:01:00.000Z',
    };
  }

  public async freeze() {
    return freezeImport(this.input, {
      config: this.config,
      objects: this.world.objects,
      writeBytes: async (key, bytes) => this.world.objects.write(key, bytes.toString('utf8')),
      openFile: async () => ({
        modifiedAt: MODIFIED_AT,
        bytes: () => unzipped(Readable.from([Buffer.from(this.text.replaceAll('⏎', '\n'))]), 1_000),
        close: () => undefined,
      }),
      parseCsv,
      notify: async (notification) => { this.notified.push(notification); },
      telemetry: this.world.telemetry,
      remainingMs: () => 900_000,
    });
  }

  public async frozen(): Promise<{ readonly stats: ImportStats; readonly rows: readonly ImportRow[]; readonly rejects: readonly object[] }> {
    await this.freeze();
    const { objects } = this.world;
    const rows: ImportRow[] = objects.jsonLines(this.key('items.jsonl')).flatMap(({ chunk }: WriteItem) => objects.jsonLines(chunk!.key));
    return { stats: objects.json(this.key('stats.json')), rows, rejects: objects.jsonLines(this.key('rejects/00000.jsonl')) };
  }

  public async import(): Promise<ImportSummary> {
    const freeze = await this.freeze();
    const { objects } = this.world;
    for (const item of objects.jsonLines(this.key('items.jsonl'))) {
      await writeImport(item, this.world.dependencies());
    }
    return finishImport({ ...this.input, freeze }, {
      config: this.config,
      objects,
      notify: async (notification) => { this.notified.push(notification); },
      telemetry: this.world.telemetry,
      now: () => Date.parse('2026-11-23T09:02:00Z'),
    });
  }

  private key(name: string): string {
    return importKey(importIdOf(this.input.input, this.config.name), name);
  }
}

/** The columns of the example of a construct. */
const COLUMNS = { 'line_id': 'Address', 'Shoe size': 'Attributes.Shoe', 'internal note': '' };

test('the example of a construct is synthesized, with the columns that the file has', () => {
  const stack = new Stack(new App(), 'Shop');
  const crm = new iam.Role(stack, 'Crm', { assumedBy: new iam.AccountRootPrincipal() });
  const names = { stack, crm, LineChannel, OtherColumns, S3SubscriberImport, SegmentTag };
  const { outputText } = ts.transpileModule(blocks.get('app')!, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
  new Function(...Object.keys(names), outputText)(...Object.values(names));
  const configs: string[] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'))
    .flatMap(({ Properties }) => Properties.Environment?.Variables[ENV_IMPORT_CONFIG] ?? []);
  expect(configs).toHaveLength(3);
  expect(JSON.parse(configs[0])).toMatchObject({
    columns: COLUMNS, otherColumns: 'REFUSE', maxRejectedPercent: 1, tag: { kind: 'fixed', tag: 'members' }, replaceTag: true,
  });
});

describe('files', () => {
  test('the formats are those of the construct', () => {
    expect(table('`SubscriberFileFormat`', 'is').map(([format]) => code(format)).sort()).toEqual(Object.values(SubscriberFileFormat).sort());
  });

  const files = table('name', 'file').map(([name, file]) => [code(name), code(file)] as const);

  test.each(files)('%s makes the subscriber: %s', async (name, text) => {
    const { rows } = await new DroppedFile(text, {}, name).frozen();
    expect(rows).toMatchObject([{ endpoint: { Address: PERSON, ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE' } }]);
  });

  test('zipped, in two parts one after the other, and with a byte order mark, too', async () => {
    const twice = Buffer.concat([gzipSync('\uFEFFuserId\n'), gzipSync(`${PERSON}\n`)]);
    const chunks: Buffer[] = [];
    for await (const chunk of unzipped(Readable.from([twice]), 1_000)) {
      chunks.push(chunk);
    }
    const { rows } = await new DroppedFile(Buffer.concat(chunks).toString()).frozen();
    expect(rows).toMatchObject([{ endpoint: { Address: PERSON } }]);
  });
});

describe('columns', () => {
  test('the example becomes what the page shows', async () => {
    const { rows, stats } = await new DroppedFile(blocks.get('members')!, { columns: COLUMNS, otherColumns: 'REFUSE' }).frozen();
    expect(rows).toEqual([{ line: 2, at: Date.parse('2026-10-01T09:00:00Z'), endpoint: block('member') }]);
    expect(stats.leftOut).toEqual(['internal note']);
  });

  const columns = table('column', 'goes to').flatMap(([names, goesTo]) => codes(names).map((column) => [column, goesTo] as const))
    // Stands in for an address, see the files.
    .filter(([column]) => column !== 'userId');

  test.each(columns)('%s is known', async (column, goesTo) => {
    // Members of location and demographic data stand in the other cell.
    const names = column.endsWith('<member>') ? codes(goesTo).map((member) => column.replace('<member>', member)) : [column.replace('<name>', 'Card')];
    const header = names.filter((name) => name !== 'Address');
    const file = `${['Address', ...header].join()}⏎${PERSON}${','.repeat(header.length)}`;
    const { stats, rejects } = await new DroppedFile(file, { otherColumns: 'REFUSE' }).frozen();
    expect({ refused: stats.refused, rejects }).toEqual({ refused: undefined, rejects: [] });
  });
});

describe('rows', () => {
  test.each(table('column', 'with', 'the row is').map(([column, value, outcome, reason]) => [code(column), /`(.*)`/.exec(value)![1], outcome, reason] as const))(
    '%s with "%s" is %s', async (column, value, outcome, reason) => {
      const [header, row] = column === 'Address' ? [column, value] : [`Address,${column}`, `${PERSON},${value}`];
      const { stats, rejects } = await new DroppedFile(`${header}⏎${row}`, { maxRejectedPercent: 100 }).frozen();
      expect({ imported: stats.frozen, ignored: stats.ignored, rejected: stats.rejected }).toMatchObject({ [outcome]: 1 });
      if (outcome === 'rejected') {
        expect(JSON.stringify(rejects)).toContain(reason);
      }
    });

  test('a reject is as the page shows it', async () => {
    const { rejects } = await new DroppedFile(`Address⏎${PERSON}⏎yuki@example.com`, { maxRejectedPercent: 100 }).frozen();
    expect(rejects).toEqual([block('reject')]);
  });
});

describe('what is refused whole', () => {
  test.each(table('file', 'because').map(([file, because]) => [code(file), because] as const))('%s: %s', async (text, because) => {
    const { stats, rows } = await new DroppedFile(text, {}, 'import/members').frozen();
    expect(stats.refused).toContain(because);
    expect(rows).toEqual([]);
  });

  test('a gzip file that is cut off', async () => {
    const [, reason] = /\(`(the file is cut off[^`]*)`\)/.exec(page)!;
    const read = async () => {
      for await (const chunk of unzipped(Readable.from([gzipSync('x'.repeat(9_999)).subarray(0, -9)]), 1_000)) {
        expect(chunk).toBeDefined();
      }
    };
    await expect(read()).rejects.toThrow(reason);
  });
});

describe('somebody who is known already', () => {
  const ROW_AT = STARTED_AT - 1_000_000;
  const rows = table('the table has', 'the row says', 'then').flatMap(([has, says, cautiously, boldly]) => [
    [has, code(says), false, cautiously] as const, [has, code(says), true, boldly] as const,
  ]);

  test.each(rows)('%s, and the row says %s (allowReOptIn %s): %s', async (has, says, allowReOptIn, then) => {
    const world = new ImportWorld(allowReOptIn);
    if (has !== 'nobody') {
      const [, state, order] = /^(opted in|opted out|erased) (before|after)$/.exec(has)!;
      const clocks = { subscriptionAt: ROW_AT + (order === 'before' ? -1_000 : 1_000), subscriptionEventId: '01A' };
      world.put(1, state === 'erased' ? { ...clocks, erased: true }
        : { ...clocks, Address: userId(1), ChannelType: 'CUSTOM', OptOut: state === 'opted in' ? 'NONE' : 'ALL', EndpointStatus: 'ACTIVE', CreationDate: '2025-01-01T00:00:00.000Z' });
    }
    const result = await world.write([importRow(1, ROW_AT, { OptOut: says as 'ALL' | 'NONE' })]);
    const { erased, OptOut } = world.row(1)!;
    expect(result).toMatchObject({ [code(then)]: 1 });
    expect(then.split(':')[0]).toBe(erased ? 'erased' : OptOut === 'ALL' ? 'opted out' : 'opted in');
  });
});

test.each(table('file', 'tag').map((row) => row.map(code)))('the tag of %s is %s', (file, tag) => {
  expect(tagOf({ kind: 'fileName' }, file)).toBe(tag);
});

describe('what came of it', () => {
  test('summary and notifications are as the page shows them, and every object is in the table', async () => {
    const people = Array.from({ length: 10 }, (_, index) => `${userId(index)},CUSTOM`);
    const file = new DroppedFile(['Address,ChannelType', ...people, 'yuki@example.com,EMAIL', 'yuki@example.com,CUSTOM'].join('⏎'), { tag: { kind: 'fileName' } });
    const summary: ImportSummary = await file.import();
    expect(summary).toEqual(block('summary'));
    expect(file.notified.map(({ type, body }) => [type, body])).toEqual([
      ['started', block('started')], ['success', { Message: 'Import Successful', ImportResult: block('summary') }],
    ]);
    const patterns = table('object below `imports/<import id>/`', 'what').flatMap(([objects]) => codes(objects)).map((pattern) =>
      new RegExp(`^imports/[^/]+/${pattern.replaceAll('.', '\\.').replaceAll(/<\w+>/g, '[\\w-]+')}$`));
    expect([...file.world.objects.objects.keys()].filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  test('metrics are those of the table', () => {
    const rows = table('metric', 'counts', 'method').map(([metric, , method]) => [code(metric), code(method)]);
    expect(rows.map(([metric]) => metric)).toEqual([Metric.SUBSCRIBERS_IMPORTED, Metric.IMPORT_ROWS_REJECTED]);
    expect(Object.getOwnPropertyNames(S3SubscriberImport.prototype)).toEqual(expect.arrayContaining(rows.map(([, method]) => method.slice(0, -2))));
  });
});

describe('followers', () => {
  const rows = table('LINE', 'the table', 'then').flatMap(([line, has, then]) => [false, true].map((allowReOptIn) => [line, has, then, allowReOptIn] as const));

  test.each(rows)('LINE %s, the table %s: %s (allowReOptIn %s)', async (line, has, then, allowReOptIn) => {
    const world = new ImportWorld(allowReOptIn);
    // Nineteen others whom both know: one who is absent is less than a tenth.
    const others = Array.from({ length: 19 }, (_, index) => userId(100 + index));
    const listed = line === 'lists' ? [PERSON, ...others] : others;
    const known = (id: string, isIn: boolean) => ({ userId: id, isIn, subscriptionAt: 0 });
    await listFollowers({ input: { id: 'event' }, execution: 'execution', startedAt: new Date(STARTED_AT).toISOString() }, {
      config: { allowReOptIn, maxAbsentPercent: 10 },
      line: { call: async () => ({ kind: 'response', status: 200, body: JSON.stringify({ userIds: listed }) }) },
      objects: world.objects,
      knownPeople: async () => ({ people: [...others.map((id) => known(id, true)), ...has === 'has nobody' ? [] : [known(PERSON, has === 'opted in')]] }),
      notify: async () => undefined,
      telemetry: world.telemetry,
      remainingMs: () => 900_000,
      sleep: async () => undefined,
    });
    const [itemsKey] = [...world.objects.objects.keys()].filter((key) => key.endsWith('/items.jsonl'));
    const written: ImportRow[] = world.objects.jsonLines(itemsKey).flatMap(({ chunk }: WriteItem) => world.objects.jsonLines(chunk!.key));
    const [otherwise, bold = otherwise] = then.split('; with `allowReOptIn` ');
    const said = allowReOptIn ? bold : otherwise;
    expect(written.map(({ endpoint }) => [endpoint.Address, endpoint.OptOut])).toEqual(
      said === 'nothing' ? [] : [[PERSON, said === 'is opted out' ? 'ALL' : 'NONE']]);
  });
});
