import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { createGunzip } from 'node:zlib';
import { parse } from 'papaparse';
import { ImportConfig, ImportExecution } from '../../src/contract/imports';
import { freezeImport } from '../../src/domain/audience/freeze-import';
import { parseCsv } from '../../src/runtime/csv-parser';
import { unzipped } from '../../src/runtime/import-file';

/**
 * Reads a file in one of several ways, in a process of its own, and tells what that took of a processor: a line of JSON on file
 * descriptor 3 with milliseconds and rows. The way here is `imports.ts`, which bundles this file, as functions are.
 * Arguments: way, file, folder of the parser that ours is compared with.
 */

const [way, file, otherParser] = process.argv.slice(2);

/** Bytes that are read at once. */
const READ_AT_ONCE = 64 * 1024;

const CONFIG: ImportConfig = {
  name: 'Bench', channelKey: 'line', format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES', maxRejectedPercent: 0, allowReOptIn: false, tag: { kind: 'none' }, replaceTag: false,
};

const open = () => fs.createReadStream(file, { highWaterMark: READ_AT_ONCE });

/** Each reads all of the file, and says how many rows it has. */
const WAYS: Record<string, () => Promise<number>> = {
  /** All of the freeze step, its objects being forgotten. */
  freeze: async () => {
    const objects = new Map<string, string>();
    const input: ImportExecution = { detail: { bucket: { name: 'bucket' }, object: { key: file } } };
    const { importId } = await freezeImport({ input, execution: 'arn:execution', startedAt: new Date().toISOString() }, {
      config: CONFIG,
      objects: {
        bucket: 'bucket',
        read: async (key: string) => objects.get(key),
        write: async (key: string, text: string) => { objects.set(key, text); },
        create: async (key: string, text: string) => {
          objects.set(key, text);
          return true;
        },
        list: async () => [],
      },
      writeBytes: async () => undefined,
      openFile: async () => {
        const body = open();
        return { modifiedAt: Date.now(), bytes: () => unzipped(body, 60_000), close: () => { body.destroy(); } };
      },
      parseCsv,
      notify: async () => undefined,
      telemetry: {
        info: () => undefined,
        warn: () => undefined,
        error: (_code, message) => { throw new Error(message); },
        count: () => undefined,
      },
      remainingMs: () => 900_000,
    });
    return JSON.parse(objects.get(`imports/${importId}/stats.json`)!).frozen;
  },

  papaparse: async () => new Promise((resolve, reject) => {
    let rows = 0;
    parse(open().setEncoding('utf8'), {
      // The faster of its two ways to tell.
      chunk: ({ data }: { readonly data: readonly unknown[] }) => { rows += data.length; },
      // Without the header.
      complete: () => resolve(rows - 1),
      error: reject,
    });
  }),

  udsv: async () => {
    const { inferSchema, initParser } = createRequire(file)(otherParser);
    let parser: any;
    let rows = 0;
    for await (const text of open().setEncoding('utf8')) {
      parser ??= initParser(inferSchema(text));
      parser.chunk(text, parser.stringArrs, () => { rows++; });
    }
    parser.end();
    return rows;
  },

  jsonParse: async () => {
    let rows = 0;
    let rest = '';
    for await (const text of open().pipe(createGunzip({ chunkSize: READ_AT_ONCE })).setEncoding('utf8')) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        JSON.parse(line);
        rows++;
      }
    }
    return rows;
  },
};

const before = process.cpuUsage();
WAYS[way]().then((rows) => {
  const { user, system } = process.cpuUsage(before);
  fs.writeSync(3, `${JSON.stringify({ rows, milliseconds: (user + system) / 1_000 })}\n`);
  process.exit(0);
}).catch((error) => {
  console.error(error);
  process.exit(1);
});
