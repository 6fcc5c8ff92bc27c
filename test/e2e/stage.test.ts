import { existsSync } from 'node:fs';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { typeScriptApp } from '../../simulator/stage/cdk';
import { Stage } from '../../simulator/stage/stage';

const TINY_APP = typeScriptApp('test/e2e/fixtures/tiny-app/app.ts');

describe('a stage', () => {
  const log: string[] = [];
  let stage: Stage;
  let outputs: Record<string, string>;

  beforeAll(async () => {
    process.env.NODE_PATH = `${process.cwd()}/node_modules`;
    process.env.AWS_PROFILE = 'production';
    stage = await Stage.start({ log: (line) => log.push(line), lambdaEnvironment: { EXTRA: 'for every Lambda' } });
    outputs = (await stage.deploy(TINY_APP, ['Tiny'])).Tiny;
  }, 300_000);
  afterAll(async () => {
    delete process.env.NODE_PATH;
    delete process.env.AWS_PROFILE;
    await stage.stop();
    expect(existsSync(stage.folder.root)).toBe(false);
    await expect(fetch(stage.endpoint)).rejects.toThrow();
    await expect(fetch(stage.line.url)).rejects.toThrow();
    await expect(fetch(stage.pinpoint.url)).rejects.toThrow();
  });

  test('shows the CLI\'s progress and returns the outputs', () => {
    expect(log.some((line) => line.includes('CREATE_COMPLETE') && line.includes('AWS::Lambda::Function'))).toBe(true);
    expect(Object.keys(outputs).sort()).toEqual(['BucketName', 'FunctionName', 'QueueUrl']);
  });

  test('runs functions that see the emulator, the stand-ins, and no module of the clone', async () => {
    const answer = await stage.invoke<Record<string, unknown>>(outputs.FunctionName, { greeting: 'こんにちは' });

    expect(answer).toMatchObject({ greeting: 'こんにちは', cdkFound: false, endpoint: stage.endpoint, pinpoint: stage.pinpoint.url, extra: 'for every Lambda' });
    expect(answer.environment).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(NODE_PATH|NODE_OPTIONS|AWS_PROFILE)$/)]));
  });

  test('gives clients of any AWS service', async () => {
    const { Buckets } = await stage.client(S3Client).send(new ListBucketsCommand({}));
    const { MessageId } = await stage.client(SQSClient).send(new SendMessageCommand({ QueueUrl: outputs.QueueUrl, MessageBody: 'x' }));

    expect(Buckets?.map(({ Name }) => Name)).toContain(outputs.BucketName);
    expect(MessageId).toBeTruthy();
  });

  test('says what a function failed with', async () => {
    await expect(stage.invoke(outputs.FunctionName, null)).rejects.toThrow(new RegExp(`function ${outputs.FunctionName} failed`));
  });

  test('fails with the CLI\'s last lines when the app cannot be synthesized', async () => {
    await expect(stage.deploy('node -e "console.error(\'no such prop\'); process.exit(1)"', ['Tiny'])).rejects.toThrow(/cdk deploy failed \(exit code 1\)[^]*no such prop/);
  }, 60_000);

  test('stops a deployment that takes too long', async () => {
    await expect(stage.deploy('sleep 60', ['Tiny'], { timeoutMs: 3_000 })).rejects.toThrow(/cdk deploy did not end within 3 s and was stopped/);
  }, 60_000);
});
