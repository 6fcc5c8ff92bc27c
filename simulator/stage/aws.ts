/**
 * A small `aws` for the local stage: the commands of the AWS CLI that the pages of the repository use, with the CLI's own names and options,
 * carried out by the SDK. What it does not know it refuses, so that nothing looks as if it worked. The addresses and credentials are the SDK's
 * own business (`AWS_ENDPOINT_URL` and so on).
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, PutObjectCommand, S3Client, _Object, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';

/** Given options by name; those that may stand several times have all of their values. */
interface Arguments {
  readonly words: readonly string[];
  readonly options: { readonly [name: string]: string | undefined };
  /** `--exclude` and `--include`, in their order: the last that fits decides. */
  readonly filters: readonly { readonly include: boolean; readonly pattern: string }[];
}

interface Command {
  /** Words behind the command's own. */
  readonly words: number;
  readonly options: readonly string[];
  readonly flags?: readonly string[];
  readonly run: (given: Arguments) => Promise<void>;
}

/** The AWS CLI's exit code for a command line that it does not understand. */
const USAGE = 252;

class UsageError extends Error {}

const FILTERS = ['--exclude', '--include'];

const COMMANDS: { readonly [name: string]: Command } = {
  's3 cp': { words: 2, options: ['--content-type', ...FILTERS], flags: ['--recursive'], run: copy },
  's3 ls': { words: 1, options: [], flags: ['--recursive'], run: list },
  'lambda invoke': { words: 1, options: ['--function-name', '--payload', '--cli-binary-format'], run: invoke },
  'secretsmanager put-secret-value': { words: 0, options: ['--secret-id', '--secret-string'], run: putSecretValue },
  'stepfunctions start-execution': { words: 0, options: ['--state-machine-arn', '--input', '--query', '--output'], run: startExecution },
  'stepfunctions describe-execution': { words: 0, options: ['--execution-arn', '--query', '--output'], run: describeExecution },
};

async function main([service, operation, ...rest]: readonly string[]): Promise<void> {
  const command = COMMANDS[`${service} ${operation}`];
  if (!command) {
    throw new UsageError(`aws ${service ?? ''} ${operation ?? ''} is not among the commands of the local stage: ${Object.keys(COMMANDS).join(', ')}`);
  }
  await command.run(readArguments(rest, command));
}

function readArguments(rest: readonly string[], { words: count, options: known, flags = [] }: Command): Arguments {
  const words: string[] = [];
  const options: Record<string, string> = {};
  const filters: { include: boolean; pattern: string }[] = [];
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i];
    if (!word.startsWith('--')) {
      words.push(word);
    } else if (flags.includes(word)) {
      options[word] = 'true';
    } else if (!known.includes(word) || rest[i + 1] === undefined) {
      throw new UsageError(known.includes(word) ? `${word} needs a value` : `Unknown options: ${word}; the local stage knows ${[...known, ...flags].join(', ')}`);
    } else if (FILTERS.includes(word)) {
      filters.push({ include: word === '--include', pattern: rest[++i] });
    } else {
      options[word] = rest[++i];
    }
  }
  if (words.length !== count) {
    throw new UsageError(`expected ${count} arguments besides the options, got ${words.length}: ${words.join(' ')}`);
  }
  return { words, options, filters };
}

function required({ options }: Arguments, name: string): string {
  const value = options[name];
  if (!value) {
    throw new UsageError(`the following arguments are required: ${name}${value === '' ? '; it is empty, is the variable set?' : ''}`);
  }
  return value;
}

// ---------------------------------------------------------------------------------------------------- Amazon S3

interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

function s3Place(url: string): S3Place | undefined {
  if (!url.startsWith('s3://')) {
    return undefined;
  }
  const [bucket, ...key] = url.slice('s3://'.length).split('/');
  if (bucket === '') {
    throw new UsageError(`${url} has no bucket: is the variable set?`);
  }
  return { bucket, key: key.join('/') };
}

async function copy(given: Arguments): Promise<void> {
  const [from, to] = given.words;
  const [source, target] = [s3Place(from), s3Place(to)];
  if (Boolean(source) === Boolean(target)) {
    throw new UsageError(`one of ${from} and ${to} must be a file and the other s3://…`);
  }
  const recursive = given.options['--recursive'] !== undefined;
  if (target) {
    const names = recursive ? readdirSync(from, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .map((entry) => path.relative(from, path.join(entry.parentPath ?? entry.path, entry.name))) : [''];
    for (const name of names.filter((each) => isWanted(each, given)).sort()) {
      const key = keyOf(target.key, recursive ? name : path.basename(from), recursive);
      await upload(path.join(from, name), { bucket: target.bucket, key }, given);
    }
    return;
  }
  if (!recursive) {
    await download(source!, to, to === '-' || !to.endsWith('/') ? to : path.join(to, path.basename(source!.key)));
    return;
  }
  for (const { Key } of await objects(source!)) {
    const name = Key!.slice(source!.key.length).replace(/^\//, '');
    if (isWanted(name, given)) {
      await download({ bucket: source!.bucket, key: Key! }, to, path.join(to, name));
    }
  }
}

/** A target that is a folder, or nothing, takes the file's own name. */
function keyOf(key: string, name: string, recursive: boolean): string {
  return key === '' || key.endsWith('/') ? key + name : recursive ? `${key}/${name}` : key;
}

function isWanted(name: string, { filters }: Arguments): boolean {
  return filters.reduce((wanted, { include, pattern }) => glob(pattern).test(name) ? include : wanted, true);
}

function glob(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

async function upload(file: string, { bucket, key }: S3Place, { options }: Arguments): Promise<void> {
  await s3().send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: readFileSync(file), ContentType: options['--content-type'] }));
  print(`upload: ${file} to s3://${bucket}/${key}`);
}

async function download({ bucket, key }: S3Place, to: string, file: string): Promise<void> {
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = await Body!.transformToByteArray();
  if (to === '-') {
    process.stdout.write(bytes);
    return;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  print(`download: s3://${bucket}/${key} to ${file}`);
}

async function list(given: Arguments): Promise<void> {
  const place = s3Place(given.words[0]);
  if (!place) {
    throw new UsageError(`expected s3://…, got ${given.words[0]}`);
  }
  const found = await objects(place);
  const folder = place.key.slice(0, place.key.lastIndexOf('/') + 1);
  const recursive = given.options['--recursive'] !== undefined;
  const folders = new Set<string>();
  for (const { Key, Size, LastModified } of found) {
    const name = Key!.slice(folder.length);
    if (recursive || !name.includes('/')) {
      print(`${LastModified!.toISOString().slice(0, 19).replace('T', ' ')} ${String(Size).padStart(10)} ${recursive ? Key : name}`);
    } else {
      folders.add(name.slice(0, name.indexOf('/') + 1));
    }
  }
  folders.forEach((name) => print(`                           PRE ${name}`));
  if (found.length === 0 && place.key !== '') {
    process.exitCode = 1;
  }
}

async function objects({ bucket, key }: S3Place): Promise<_Object[]> {
  const all: _Object[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3() }, { Bucket: bucket, Prefix: key })) {
    all.push(...Contents);
  }
  return all;
}

let s3Client: S3Client | undefined;
function s3(): S3Client {
  return s3Client ??= new S3Client({ forcePathStyle: true });
}

// ---------------------------------------------------------------------------------------------------- the others

async function invoke(given: Arguments): Promise<void> {
  const { '--payload': payload, '--cli-binary-format': format } = given.options;
  if (payload !== undefined && format !== 'raw-in-base64-out') {
    throw new UsageError('Invalid base64: give --cli-binary-format raw-in-base64-out for a payload that is text');
  }
  const text = payload?.startsWith('file://') ? readFileSync(payload.slice('file://'.length)) : payload;
  const { Payload, StatusCode, FunctionError, ExecutedVersion } = await new LambdaClient({}).send(new InvokeCommand({
    FunctionName: required(given, '--function-name'), Payload: text === undefined ? undefined : Buffer.from(text),
  }));
  const [file] = given.words;
  if (file === '/dev/stdout') {
    // A pipe cannot be opened by that name on every system.
    process.stdout.write(Payload ?? '');
  } else {
    writeFileSync(file, Payload ?? '');
  }
  printJson({ StatusCode, ...(FunctionError && { FunctionError }), ExecutedVersion });
}

async function putSecretValue(given: Arguments): Promise<void> {
  const { ARN, Name, VersionId } = await new SecretsManagerClient({}).send(new PutSecretValueCommand({
    SecretId: required(given, '--secret-id'), SecretString: required(given, '--secret-string'),
  }));
  printJson({ ARN, Name, VersionId });
}

async function startExecution(given: Arguments): Promise<void> {
  const { executionArn, startDate } = await new SFNClient({}).send(new StartExecutionCommand({
    stateMachineArn: required(given, '--state-machine-arn'), input: given.options['--input'],
  }));
  printQueried({ executionArn, startDate }, given);
}

async function describeExecution(given: Arguments): Promise<void> {
  const { $metadata, ...execution } = await new SFNClient({}).send(new DescribeExecutionCommand({ executionArn: required(given, '--execution-arn') }));
  printQueried(execution, given);
}

/** Of `--query` only the name of a member is known. */
function printQueried(answer: object, { options }: Arguments): void {
  const { '--query': query, '--output': output = 'json' } = options;
  if (query !== undefined && !/^\w+$/.test(query)) {
    throw new UsageError(`--query ${query} is not known to the local stage, only the name of a member`);
  }
  const value = query === undefined ? answer : (answer as Record<string, unknown>)[query] ?? null;
  if (output === 'text' && typeof value === 'string') {
    print(value);
  } else if (output === 'json') {
    printJson(value);
  } else {
    throw new UsageError(`--output ${output} is known to the local stage for texts only`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 4));
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`\naws: [ERROR]: ${error.name === 'Error' || error instanceof UsageError ? '' : `${error.name}: `}${error.message}\n`);
  process.exitCode = error instanceof UsageError ? USAGE : 254;
});
