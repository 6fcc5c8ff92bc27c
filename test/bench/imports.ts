import * as fs from 'fs';
import * as path from 'path';
import { Readable } from 'stream';
import { pipeline } from 'stream/promises';
import { createGzip } from 'zlib';
import { buildSync } from 'esbuild';
import { CampaignStandIn } from './campaign-stand-in';
import { Figure, median } from './figures';
import { HandlerProcess } from './handler-process';
import { installParser } from './install-parser';
import { awsEnvironment } from './side-by-side';
import { ENV_IMPORT_BUCKET, ENV_IMPORT_CONFIG, ENV_NOTIFICATION_TOPIC_ARN } from '../../src/contract/environment';
import { FreezeAnswer, ImportConfig, ImportStats, importKey } from '../../src/contract/imports';
import { ROOT } from '../support/built';

const BUNDLE = path.join(ROOT, 'assets/audience/handlers/import-subscribers.lambda/index.js');
const SIZES = [10_000, 1_000_000];
const ROUNDS = 3;
const LIMIT_MS = 15 * 60_000;

/** Ways of `drive-import.ts`. */
type Way = 'freeze' | 'papaparse' | 'udsv' | 'jsonParse';

/** Files with the same people. */
const FORMATS = [
  { name: 'people.csv', header: 'ChannelType,Address,OptOut,EffectiveDate,User.UserId,User.UserAttributes.DisplayName,User.UserAttributes.Language,Attributes.Interests,Attributes.Interests,Metrics.Points,Location.Country,Location.City\r\n', row: csvRow },
  { name: 'people.json.gz', header: '', row: exportRow },
];

/**
 * The freeze step of an import: its memory for a small and a large file, by the bundle that ships; and how long it takes of a processor,
 * against doing nothing with the file but parsing it.
 *
 * @throws when a row is missing
 */
export async function benchImports(folder: string, log: (line: string) => void, sizes = SIZES): Promise<Figure[]> {
  const place = path.join(folder, 'imports');
  const standIn = await CampaignStandIn.start(place, 0);
  try {
    const figures: Figure[] = [];
    for (const rows of sizes) {
      for (const format of FORMATS) {
        await writeFile(standIn.file(format.name), rows, format);
      }
      figures.push(await benchMemory(rows, standIn, place, log));
    }
    // The files are those of the larger size.
    return [...figures, ...await benchSpeed(Math.max(...sizes), standIn, place, log)];
  } finally {
    standIn.stop();
    fs.rmSync(place, { recursive: true, force: true });
  }
}

async function benchMemory(rows: number, standIn: CampaignStandIn, place: string, log: (line: string) => void): Promise<Figure> {
  const peaks: number[] = [];
  for (const { name } of FORMATS) {
    const events = path.join(place, 'events.json');
    const object = { key: name, size: fs.statSync(standIn.file(name)).size, sequencer: String(rows) };
    fs.writeFileSync(events, JSON.stringify([{
      input: { detail: { bucket: { name: 'campaign-bucket' }, object } }, execution: 'arn:execution', startedAt: '2026-11-01T00:00:00.000Z',
    }]));
    const { process: handler, first } = await HandlerProcess.start(
      process.execPath, [path.join(__dirname, 'drive-steps.js'), BUNDLE, 'freeze', events], environment(place, standIn.url), LIMIT_MS);
    handler.stop();
    const { answers, highest, milliseconds } = JSON.parse(first.answer);
    const [{ next, importId }] = answers as [FreezeAnswer];
    const stats: ImportStats = JSON.parse(fs.readFileSync(standIn.file(importKey(importId, 'stats.json')), 'utf8'));
    if (next !== 'WRITE' || stats.frozen !== rows) {
      throw new Error(`${stats.frozen} of ${rows} rows of ${name} were frozen: ${JSON.stringify(stats).slice(0, 500)}`);
    }
    log(`${name} of ${rows} rows and ${(object.size / 1_000_000).toFixed(1)} MB: ${(highest / 1024 / 1024).toFixed(0)} MB at most, ${(milliseconds / 1_000).toFixed(1)} s`);
    peaks.push(highest / 1024 / 1024);
  }
  return {
    name: `memory to import ${rows.toLocaleString('en')} rows`,
    unit: 'MB',
    target: 256,
    measured: Math.max(...peaks),
    detail: `highest resident set of the freeze step: ${FORMATS.map(({ name }, index) => `${name} ${peaks[index].toFixed(0)}`).join(', ')}`,
  };
}

async function benchSpeed(rows: number, standIn: CampaignStandIn, place: string, log: (line: string) => void): Promise<Figure[]> {
  const otherParser = await installParser(log);
  // As functions are: compiled and in one file.
  const program = path.join(place, 'drive-import.js');
  buildSync({
    entryPoints: [path.join(__dirname, 'drive-import.ts')], bundle: true, platform: 'node', target: 'node20', outfile: program, logLevel: 'warning',
  });
  const [csv, jsonLines] = FORMATS.map(({ name }) => standIn.file(name));
  const runs: { readonly way: Way; readonly file: string; readonly times: number[] }[] = [
    { way: 'freeze', file: csv, times: [] },
    { way: 'papaparse', file: csv, times: [] },
    { way: 'udsv', file: csv, times: [] },
    { way: 'freeze', file: jsonLines, times: [] },
    { way: 'jsonParse', file: jsonLines, times: [] },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { way, file, times } of runs) {
      const args = [program, way, file, otherParser];
      const { process: reader, first } = await HandlerProcess.start(process.execPath, args, awsEnvironment(place), LIMIT_MS);
      reader.stop();
      const { rows: read, milliseconds } = JSON.parse(first.answer);
      if (read !== rows) {
        throw new Error(`${way} found ${read} of ${rows} rows in ${file}`);
      }
      times.push(milliseconds);
    }
  }
  const [ourCsv, papaparse, udsv, ourJson, jsonParse] = runs.map(({ way, file, times }) => {
    log(`${way} of ${path.basename(file)}: ${times.map((time) => time.toFixed(0)).join(', ')} ms of a processor`);
    return median(times) / 1_000;
  });
  const of = `${rows.toLocaleString('en')} rows, seconds of a processor, medians of ${ROUNDS} processes`;
  return [
    {
      name: 'import of a CSV file ÷ Papa Parse alone',
      unit: '×',
      target: 0.5,
      isAtLeast: true,
      measured: papaparse / ourCsv,
      detail: `speed: parsed, checked, mapped and frozen in ${ourCsv.toFixed(2)} s, only parsed in ${papaparse.toFixed(2)} s; ${of}`,
    },
    {
      name: 'Papa Parse ÷ the fastest parser of CSV',
      unit: '×',
      target: 0.5,
      isAtLeast: true,
      measured: udsv / papaparse,
      detail: `speed: udsv parses the same file in ${udsv.toFixed(2)} s`,
    },
    {
      name: 'import of a Pinpoint export ÷ `JSON.parse` alone',
      unit: '×',
      target: 0.4,
      isAtLeast: true,
      measured: jsonParse / ourJson,
      detail: `speed: gunzip, lines, checked, mapped and frozen in ${ourJson.toFixed(2)} s; gunzip, lines and \`JSON.parse\` in ${jsonParse.toFixed(2)} s; ${of}`,
    },
  ];
}

async function writeFile(file: string, rows: number, { name, header, row }: typeof FORMATS[number]): Promise<void> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const text = function* () {
    yield header;
    // Not a piece for each row.
    for (let from = 0; from < rows; from += 1_000) {
      yield Array.from({ length: Math.min(1_000, rows - from) }, (_, index) => row(from + index)).join('');
    }
  };
  const target = fs.createWriteStream(file);
  await (name.endsWith('.gz') ? pipeline(Readable.from(text()), createGzip(), target) : pipeline(Readable.from(text()), target));
}

/** Every tenth person has quotes and a comma in it. */
function csvRow(n: number): string {
  const isQuoted = n % 10 === 0;
  return `CUSTOM,${lineUserId(n)},NONE,${effectiveDate(n)},crm-${n},${isQuoted ? `"春野 ""${n}"" 花子"` : `山田 ${n}`},ja,sale,${n % 3 ? 'shoes' : ''},${n % 1_000}.5,JP,${isQuoted ? '"Minato, Tokyo"' : 'Osaka'}\r\n`;
}

/** As Amazon Pinpoint exports an endpoint. */
function exportRow(n: number): string {
  const id = lineUserId(n);
  return `${JSON.stringify({
    Id: id,
    ChannelType: 'CUSTOM',
    Address: id,
    OptOut: 'NONE',
    EndpointStatus: 'ACTIVE',
    EffectiveDate: effectiveDate(n),
    CreationDate: '2026-01-02T03:04:05.678Z',
    CohortId: String(n % 100),
    ApplicationId: '0123456789abcdef0123456789abcdef',
    RequestId: '8b0d7f3e-0000-4000-8000-000000000000',
    Attributes: { Interests: ['sale', 'shoes'] },
    Metrics: { Points: n % 1_000 },
    Location: { Country: 'JP', City: 'Osaka' },
    Demographic: { Timezone: 'Asia/Tokyo' },
    User: { UserId: `crm-${n}`, UserAttributes: { DisplayName: [`山田 ${n}`], Language: ['ja'] } },
  })}\n`;
}

function effectiveDate(n: number): string {
  return `2026-10-0${1 + n % 9}T04:05:06.${100 + n % 900}Z`;
}

function lineUserId(n: number): string {
  return `U${(n * 2_654_435_761 % 4_294_967_296).toString(16).padStart(8, '0')}${n.toString(16).padStart(24, '0')}`;
}

function environment(home: string, url: string): Record<string, string> {
  const config: ImportConfig = {
    name: 'Bench', channelKey: 'line', format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES', maxRejectedPercent: 0, allowReOptIn: false, tag: { kind: 'none' }, replaceTag: false,
  };
  return {
    ...awsEnvironment(home),
    AWS_ENDPOINT_URL: url,
    [ENV_IMPORT_CONFIG]: JSON.stringify(config),
    [ENV_IMPORT_BUCKET]: 'campaign-bucket',
    [ENV_NOTIFICATION_TOPIC_ARN]: 'arn:aws:sns:us-east-1:123456789012:bench',
  };
}
