import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ImportSubscribersFunction } from './handlers/import-subscribers-function';
import { ISubscriberTable } from './subscriber-table';
import { ENV_IMPORT_BUCKET, ENV_IMPORT_CONFIG, ENV_NOTIFICATION_TOPIC_ARN, ENV_SUBSCRIBER_TABLE } from '../contract/environment';
import { IMPORT_PREFIX, ImportConfig } from '../contract/imports';
import { ChannelResources, grantObjects, grantTableWrite, useHandler } from '../shared/channel-resources';
import { chunkMap, functionStep } from '../shared/chunk-map';
import { JobMachine } from '../shared/job-machine';

export interface SubscriberImportEngineProps {
  /** Export of the bundle that freezes what is to be written. */
  readonly freeze: 'freeze' | 'listFollowers';
  readonly description: string;
  readonly subscribers: ISubscriberTable;
  readonly config: ImportConfig;
  /** Of chunks and results. */
  readonly bucket: s3.IBucket;
  readonly topic: sns.ITopic;
  readonly maxConcurrency: number;
  readonly resources: ChannelResources;
}

/**
 * What every import of subscribers does: freezes rows as chunk objects, writes chunk by chunk, tells what came of it. The state machine's
 * input is the freezing function's. Not exported from the package.
 */
export class SubscriberImportEngine extends Construct {
  public readonly stateMachine: sfn.StateMachine;
  public readonly freezeFunction: lambda.Function;

  constructor(scope: Construct, id: string, private readonly props: SubscriberImportEngineProps) {
    super(scope, id);
    const { bucket, subscribers, topic, resources } = props;
    const freeze = this.make('Freeze', props.freeze, props.description, 1_024);
    const write = this.make('Write', 'write', 'Writes subscribers of an import into the table', 512);
    const finish = this.make('Finish', 'finish', 'Tells what came of an import of subscribers', 512);
    this.freezeFunction = freeze;
    for (const step of [freeze, write, finish]) {
      bucket.encryptionKey?.grant(step, 'kms:Decrypt', 'kms:GenerateDataKey');
      grantObjects(bucket, step, IMPORT_PREFIX, 's3:GetObject', 's3:PutObject');
      // Without it S3 answers 403 instead of 404 for an object that does not exist (Amazon S3 API, GetObject).
      iam.Grant.addToPrincipalOrResource({ grantee: step, actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn], resource: bucket });
    }
    grantTableWrite(subscribers.table, write, 'dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem',
      'dynamodb:DeleteItem', 'dynamodb:Query');
    topic.grantPublish(freeze);
    topic.grantPublish(finish);
    this.stateMachine = this.createStateMachine(freeze, write, finish);
    resources.alarm(this, 'FailedAlarm', {
      metric: this.stateMachine.metricFailed({ period: Duration.minutes(5), statistic: 'Sum' }),
      meaning: 'An import of subscribers failed; its notification and its summary say why.',
      runbook: 'imports-failed',
    });
  }

  private make(id: string, handler: string, description: string, memorySize: number): lambda.Function {
    const { resources, config, bucket, topic, subscribers } = this.props;
    return useHandler(new ImportSubscribersFunction(this, id, resources.functionOptions(this, id, {
      description,
      timeout: Duration.minutes(15),
      memorySize,
      environment: {
        [ENV_IMPORT_CONFIG]: Stack.of(this).toJsonString(config),
        [ENV_IMPORT_BUCKET]: bucket.bucketName,
        [ENV_NOTIFICATION_TOPIC_ARN]: topic.topicArn,
        [ENV_SUBSCRIBER_TABLE]: subscribers.table.tableName,
      },
    })), handler);
  }

  private createStateMachine(freezing: lambda.IFunction, writing: lambda.IFunction, finishing: lambda.IFunction): sfn.StateMachine {
    const { bucket, maxConcurrency, resources } = this.props;
    const input = { 'input.$': '$.input', 'execution.$': '$$.Execution.Id', 'startedAt.$': '$$.Execution.StartTime' };
    const keepInput = new sfn.Pass(this, 'Begin', { parameters: { 'input.$': '$' } });
    const freeze = functionStep(this, 'FreezeStep', { function: freezing, payload: sfn.TaskInput.fromObject(input), resultPath: '$.freeze' });
    const write = chunkMap(this, 'WriteStep', { bucket, keyPath: '$.freeze.items.key', label: 'Write', function: writing, maxConcurrency });
    // After the rows: who has no row in the file is known only then.
    const sweep = chunkMap(this, 'SweepStep', { bucket, keyPath: '$.freeze.sweeps.key', label: 'Sweep', function: writing, maxConcurrency });
    const finish = functionStep(this, 'FinishStep', {
      function: finishing, payload: sfn.TaskInput.fromObject({ ...input, 'freeze.$': '$.freeze' }), resultPath: '$.summary',
    });
    const failed = new sfn.Fail(this, 'Failed', { error: 'ImportFailed', cause: 'The notification and the summary say why; docs/runbook.md says what to do' });
    const noteFailure = functionStep(this, 'NoteFailureStep', {
      function: finishing, payload: sfn.TaskInput.fromObject({ ...input, 'error.$': '$.error' }), resultPath: sfn.JsonPath.DISCARD,
    });
    const end = new sfn.Succeed(this, 'Ended');
    keepInput.next(freeze);
    freeze.next(new sfn.Choice(this, 'Frozen')
      .when(sfn.Condition.stringEquals('$.freeze.next', 'WRITE'), write)
      .when(sfn.Condition.stringEquals('$.freeze.next', 'AGAIN'), freeze)
      .when(sfn.Condition.stringEquals('$.freeze.next', 'REFUSE'), finish)
      .otherwise(end));
    write.next(new sfn.Choice(this, 'Written').when(sfn.Condition.isPresent('$.freeze.sweeps.key'), sweep).otherwise(finish));
    sweep.next(finish);
    finish.next(new sfn.Choice(this, 'Finished').when(sfn.Condition.stringEquals('$.summary.status', 'COMPLETED'), end).otherwise(failed));
    noteFailure.next(failed);
    for (const state of [freeze, write, sweep, finish]) {
      state.addCatch(noteFailure, { resultPath: '$.error' });
    }
    return new JobMachine(this, 'Run', {
      start: keepInput,
      comment: 'Imports subscribers: freezes rows, writes chunk by chunk, tells what came of it',
      timeout: Duration.days(1),
      bucket,
      resources,
    });
  }
}
