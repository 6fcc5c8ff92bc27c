import { Annotations, ArnFormat, Aspects, CfnResource, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, IConstruct } from 'constructs';
import { LineFunctionOptions } from './line-function-options';
import { checkInteger, fail } from './validation';
import { ENV_CHANNEL_KEY, ENV_CHANNEL_NAME } from '../contract/environment';
import { TTL_ATTRIBUTE } from '../contract/subscriber';

/** Where an alarm's description sends the operator. */
const RUNBOOK = 'https://github.com/cdk-line-pinpoint/cdk-line-pinpoint/blob/main/docs/runbook.md';

/** What differs between two functions of a channel. */
export interface HandlerSettings {
  /** What the function is for, one sentence, shown in the Lambda console. */
  readonly description: string;
  readonly timeout: Duration;
  readonly environment?: { [name: string]: string };
  /** MiB, unless the user says otherwise; 512 unless it is given. */
  readonly memorySize?: number;
}

/** What differs between two alarms of a channel. */
export interface AlarmSettings {
  readonly metric: cloudwatch.IMetric;
  /** Alarms from this value on; 1 unless it is given. */
  readonly threshold?: number;
  /** What the alarm means, one sentence for its description. */
  readonly meaning: string;
  /** Section of docs/runbook.md. */
  readonly runbook: string;
}

/** What differs between two queues of a channel. */
export interface QueueSettings {
  readonly fifo?: boolean;
  /** At least the timeout of the function that reads the queue. */
  readonly visibilityTimeout: Duration;
  /** Attempts before a message is set aside in the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** What it means when the dead-letter queue holds something, one sentence for the alarm's description. */
  readonly meaning: string;
  /** Section of docs/runbook.md. */
  readonly runbook: string;
}

/** A queue and where its undeliverable messages go. */
export interface QueueWithDeadLetterQueue {
  readonly queue: sqs.Queue;
  readonly deadLetterQueue: sqs.Queue;
}

/** What a channel hands down to every hidden child. */
export interface ChannelResourcesProps {
  readonly channelKey: string;
  readonly channelName: string;
  readonly functions?: LineFunctionOptions;
  readonly encryptionKey?: kms.IKey;
  readonly removalPolicy?: RemovalPolicy;
  readonly alarmActions?: cloudwatch.IAlarmAction[];
}

/**
 * The one place where a channel's hidden resources get their defaults, so that `functions`, `encryptionKey`,
 * `removalPolicy` and `alarmActions` reach every one of them.
 */
export class ChannelResources {
  /** Every alarm made, for the channel's `alarms`. */
  public readonly alarms: cloudwatch.Alarm[] = [];

  constructor(private readonly scope: Construct, public readonly props: ChannelResourcesProps) {
    const { functions = {} } = props;
    if (functions.logGroup && functions.logRetention !== undefined) {
      fail(scope, '`functions.logGroup` and `functions.logRetention` cannot both be given: set the retention on the log group itself');
    }
    checkInteger(scope, 'functions.memorySize', functions.memorySize, 128, 10_240);
    if (props.removalPolicy === RemovalPolicy.SNAPSHOT) {
      fail(scope, '`removalPolicy` must be RETAIN, DESTROY or RETAIN_ON_UPDATE_OR_DELETE, got SNAPSHOT: CloudFormation makes snapshots of none of a channel\'s resources');
    }
    if (props.encryptionKey?.keyArn.includes(':alias/')) {
      fail(scope, `\`encryptionKey\` must be a key, got an alias (${props.encryptionKey.node.path}): permissions cannot be given on an alias. Give the key itself, or import it with \`kms.Key.fromKeyArn\``);
    }
  }

  /** Key for encryption, if the user gave one. */
  public get encryptionKey(): kms.IKey | undefined {
    return this.props.encryptionKey;
  }

  /** What happens to people's data and to what was created for the operator when the stack goes: kept, unless told otherwise. */
  public get dataRemovalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.RETAIN;
  }

  /** What happens to queues, logs and the like: they go with the stack, unless told otherwise. */
  public get transientRemovalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.DESTROY;
  }

  /** Options of a handler's function. Log group and role are children of `scope` called `<id>Logs` and `<id>Role`. */
  public functionOptions(scope: Construct, id: string, settings: HandlerSettings): lambda.FunctionOptions {
    const { functions = {} } = this.props;
    const logGroup = functions.logGroup ?? this.logGroup(scope, `${id}Logs`);
    return {
      description: settings.description,
      timeout: settings.timeout,
      memorySize: functions.memorySize ?? settings.memorySize ?? 512,
      architecture: functions.architecture ?? lambda.Architecture.ARM_64,
      vpc: functions.vpc,
      vpcSubnets: functions.vpcSubnets,
      securityGroups: functions.securityGroups,
      logGroup,
      role: this.role(scope, `${id}Role`, logGroup),
      loggingFormat: lambda.LoggingFormat.JSON,
      environment: {
        [ENV_CHANNEL_KEY]: this.props.channelKey,
        [ENV_CHANNEL_NAME]: this.props.channelName,
        ...settings.environment,
      },
    };
  }

  /** A queue, its dead-letter queue (`<id>DeadLetters`) and the alarm that tells when something lands there. */
  public queue(scope: Construct, id: string, settings: QueueSettings): QueueWithDeadLetterQueue {
    const deadLetterQueue = this.deadLetterQueue(scope, `${id}DeadLetters`, settings);
    const queue = new sqs.Queue(scope, id, {
      ...this.queueDefaults(settings.fifo),
      visibilityTimeout: settings.visibilityTimeout,
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: settings.maxReceiveCount },
    });
    return { queue, deadLetterQueue };
  }

  /** A queue where something ends that could not be handled, and its alarm (`<id>Alarm`). */
  public deadLetterQueue(scope: Construct, id: string, settings: Pick<QueueSettings, 'fifo' | 'meaning' | 'runbook'>): sqs.Queue {
    const queue = new sqs.Queue(scope, id, { ...this.queueDefaults(settings.fifo), retentionPeriod: Duration.days(14) });
    this.alarm(scope, `${id}Alarm`, {
      ...settings,
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5), statistic: 'Maximum' }),
    });
    return queue;
  }

  /** An alarm with the channel's actions, for a metric that stays below a threshold as long as all is well. */
  public alarm(scope: Construct, id: string, { metric, threshold = 1, meaning, runbook }: AlarmSettings): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(scope, id, {
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: `${meaning} What to do: ${RUNBOOK}#${runbook}`,
    });
    for (const action of this.props.alarmActions ?? []) {
      alarm.addAlarmAction(action);
    }
    this.alarms.push(alarm);
    return alarm;
  }

  /** A private bucket: TLS only, encrypted; kept with its objects when the stack goes, unless told otherwise. */
  public bucket(scope: Construct, id: string, props: s3.BucketProps = {}): s3.Bucket {
    return new s3.Bucket(scope, id, {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      ...(this.encryptionKey
        ? { encryption: s3.BucketEncryption.KMS, encryptionKey: this.encryptionKey, bucketKeyEnabled: true }
        : { encryption: s3.BucketEncryption.S3_MANAGED }),
      removalPolicy: this.dataRemovalPolicy,
      ...props,
    });
  }

  /** A table as `tableProps` has it, with the channel's key and removal policy. */
  public tableProps(partitionKey: string, sortKey: string): dynamodb.TableProps {
    return tableProps(partitionKey, sortKey, this.props);
  }

  /** CDK's own role of a function may write to every log group of the account, this one to the function's only. */
  private role(scope: Construct, id: string, logGroup: logs.ILogGroup): iam.Role {
    const role = new iam.Role(scope, id, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    if (this.props.functions?.vpc) {
      // Source: AWS Lambda, "Giving Lambda functions access to resources in an Amazon VPC", IAM permissions.
      // The managed policy would also let it write to every log group; these actions know no resource.
      role.addToPolicy(new iam.PolicyStatement({
        actions: [
          'ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', 'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }));
    }
    return role;
  }

  private queueDefaults(fifo?: boolean): sqs.QueueProps {
    return {
      ...(fifo && {
        fifo: true,
        // High throughput for FIFO queues: the order is kept per message group, which is a person.
        deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
        fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      }),
      enforceSSL: true,
      ...(this.encryptionKey
        ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: this.encryptionKey }
        : { encryption: sqs.QueueEncryption.SQS_MANAGED }),
      removalPolicy: this.transientRemovalPolicy,
    };
  }

  /** Of a log group that is kept as long as the functions' are, encrypted by the user's key if there is one. */
  public logGroupProps(): logs.LogGroupProps {
    if (this.encryptionKey) {
      letServiceUseKey(this.encryptionKey, this.logsStatement());
    }
    return {
      retention: this.props.functions?.logRetention ?? logs.RetentionDays.ONE_MONTH,
      encryptionKey: this.encryptionKey,
      removalPolicy: this.transientRemovalPolicy,
    };
  }

  private logGroup(scope: Construct, id: string): logs.LogGroup {
    return new logs.LogGroup(scope, id, this.logGroupProps());
  }

  /** Source: Amazon CloudWatch Logs, "Encrypt log data using AWS KMS", step 2; in China the principal ends in .cn. */
  private logsStatement(): iam.PolicyStatement {
    const stack = Stack.of(this.scope);
    return new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(`logs.${stack.region}.${stack.urlSuffix}`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': stack.formatArn({ service: 'logs', resource: 'log-group', resourceName: '*', arnFormat: ArnFormat.COLON_RESOURCE_NAME }),
        },
      },
    });
  }
}

/**
 * A table keyed by two strings, billed by use, with point-in-time recovery and time to live, encrypted by the user's key or by
 * DynamoDB's own, and kept when the stack goes, unless told otherwise.
 */
export function tableProps(
  partitionKey: string, sortKey: string, { encryptionKey, removalPolicy = RemovalPolicy.RETAIN }: Pick<ChannelResourcesProps, 'encryptionKey' | 'removalPolicy'>,
): dynamodb.TableProps {
  return {
    partitionKey: { name: partitionKey, type: dynamodb.AttributeType.STRING },
    sortKey: { name: sortKey, type: dynamodb.AttributeType.STRING },
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    timeToLiveAttribute: TTL_ATTRIBUTE,
    ...(encryptionKey && { encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
    removalPolicy,
  };
}

/**
 * Has a bucket that this library makes tell Amazon EventBridge of its objects. CDK's own switch makes a function that would
 * change the bucket after its creation; CloudFormation has the setting itself.
 */
export function sendEventsToEventBridge(bucket: s3.Bucket): void {
  (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}

/** Has a function run another export of its bundle than `handler`. */
export function useHandler<F extends lambda.Function>(fn: F, name: string): F {
  (fn.node.defaultChild as lambda.CfnFunction).handler = `index.${name}`;
  return fn;
}

/** Grants actions on the objects of a bucket whose key begins with the prefix. What they need of the bucket's encryption key is the caller's to grant. */
export function grantObjects(bucket: s3.IBucket, grantee: iam.IGrantable, prefix: string, ...actions: string[]): iam.Grant {
  return iam.Grant.addToPrincipalOrResource({ grantee, actions, resourceArns: [bucket.arnForObjects(`${prefix}*`)], resource: bucket });
}

/**
 * Warns, with a stable id, when a bucket that the user gave is not versioned. Of a bucket that was imported nothing is known.
 *
 * @param prop by which the bucket was given
 * @param consequence what is lost by it
 */
export function warnIfUnversioned(scope: IConstruct, prop: string, bucket: s3.IBucket, consequence: string): void {
  const resource = bucket.node.defaultChild;
  if (resource instanceof s3.CfnBucket && resource.versioningConfiguration === undefined) {
    Annotations.of(scope).addWarningV2('cdk-line-pinpoint:unversionedBucket',
      `the bucket ${bucket.node.path}, given as \`${prop}\`, is not versioned: ${consequence}. Make it with \`versioned: true\``);
  }
}

/**
 * Warns, with a stable id, when a bucket that the user gave tells Amazon EventBridge nothing of its objects. The app may switch it on until it
 * is synthesized, so that it is looked at then. Of a bucket that was imported nothing is known.
 *
 * @param prop by which the bucket was given
 * @param consequence what is not noticed
 */
export function warnIfWithoutEvents(scope: IConstruct, prop: string, bucket: s3.IBucket, consequence: string): void {
  Aspects.of(scope).add({
    visit: (node) => {
      if (node === scope && bucket.node.defaultChild instanceof s3.CfnBucket && !sendsEvents(bucket, bucket.node.defaultChild)) {
        Annotations.of(scope).addWarningV2('cdk-line-pinpoint:bucketWithoutEvents',
          `the bucket ${bucket.node.path}, given as \`${prop}\`, sends no events to Amazon EventBridge: ${consequence}. Make it with \`eventBridgeEnabled: true\``);
      }
    },
  });
}

/** By its own property, or by the resource that CDK makes for `eventBridgeEnabled` and for `enableEventBridgeNotification`. */
function sendsEvents(bucket: s3.IBucket, resource: s3.CfnBucket): boolean {
  const added = bucket.node.findAll().filter((child) => CfnResource.isCfnResource(child) && child.cfnResourceType === 'Custom::S3BucketNotifications');
  return [resource, ...added].some((each) =>
    /"EventBridgeConfiguration":\{(?!"EventBridgeEnabled":false)/.test(JSON.stringify(Stack.of(each).resolve((each as any)._toCloudFormation()))));
}

/** What the channel does with a bucket that the user gave. */
export interface BucketUse {
  /** Actions on the bucket and on its objects. */
  readonly actions: string[];
  /** Of the objects' keys. */
  readonly prefixes: string[];
}

/**
 * Checks that a bucket that the user gave is in the channel's region, where the functions look for it, and warns, with a stable id, when
 * it is another account's, whose bucket policy must allow the use as well. What is not known at synth passes.
 * Source: AWS IAM, "Cross account resource access in IAM".
 *
 * @param prop by which the bucket was given
 */
export function checkGivenBucket(scope: IConstruct, prop: string, bucket: s3.IBucket, { actions, prefixes }: BucketUse): void {
  const { region, account } = Stack.of(scope);
  const isKnownAndOther = (theirs: string, ours: string) => !Token.isUnresolved(theirs) && !Token.isUnresolved(ours) && theirs !== ours;
  if (isKnownAndOther(bucket.env.region, region)) {
    fail(scope, `\`${prop}\` must be a bucket in the channel's region ${region}, got one in ${bucket.env.region} (${bucket.node.path}): the channel looks for it in its own region`);
  }
  if (isKnownAndOther(bucket.env.account, account)) {
    warnToAddStatement(scope, 'foreignBucketPolicy', `the policy of the bucket ${bucket.node.path} of the account ${bucket.env.account}, given as \`${prop}\``,
      new iam.PolicyStatement({
        principals: [new iam.AccountPrincipal(account)],
        actions,
        resources: [bucket.bucketArn, ...prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`))],
      }));
  }
}

/** What reading an encrypted table takes. Source: Amazon DynamoDB, "DynamoDB encryption at rest: usage notes", AWS KMS permissions. */
const KEY_READ_ACTIONS = ['kms:Decrypt', 'kms:DescribeKey'];

/** Grants actions that only read, on the table alone, and what they need of its key. */
export function grantTableRead(table: dynamodb.ITable, grantee: iam.IGrantable, ...actions: string[]): iam.Grant {
  table.encryptionKey?.grant(grantee, ...KEY_READ_ACTIONS);
  return table.grant(grantee, ...actions);
}

/** Grants actions of which some write, on the table alone, and what they need of its key. */
export function grantTableWrite(table: dynamodb.ITable, grantee: iam.IGrantable, ...actions: string[]): iam.Grant {
  grantTableKeyWrite(table, grantee);
  return table.grant(grantee, ...actions);
}

/** Grants what writing an encrypted table needs of its key. */
export function grantTableKeyWrite(table: dynamodb.ITable, grantee: iam.IGrantable): void {
  table.encryptionKey?.grant(grantee, ...KEY_READ_ACTIONS, 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*');
}

/**
 * Adds a statement to a key's policy. A key that CDK cannot change gets a warning instead: one per statement, however many
 * functions and channels need it.
 */
export function letServiceUseKey(key: kms.IKey, statement: iam.PolicyStatement): void {
  if (!key.addToResourcePolicy(statement, true).statementAdded) {
    warnToAddStatement(key, 'importedKeyPolicy', `the policy of the imported key ${key.keyArn}, which a LINE channel needs`, statement);
  }
}

/** Warns, with a stable id, that CDK cannot change a policy, and shows the statement that has to be added by hand. */
export function warnToAddStatement(scope: IConstruct, id: string, where: string, statement: iam.PolicyStatement): void {
  const stack = Stack.of(scope);
  const json = JSON.stringify(stack.resolve(statement.toStatementJson()), (_, value) => readable(value));
  Annotations.of(scope).addWarningV2(`cdk-line-pinpoint:${id}`, `CDK cannot change ${readable(stack.resolve(where))}. Add this statement to it: ${json}`);
}

/** Shows CloudFormation references the way an operator would write them. */
function readable(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    const { 'Ref': ref, 'Fn::Join': join, 'Fn::GetAtt': attribute } = value as Record<string, unknown>;
    if (typeof ref === 'string') {
      return `<${ref.replace('AWS::', '')}>`;
    }
    if (Array.isArray(attribute)) {
      return `<${attribute.join('.')}>`;
    }
    if (Array.isArray(join)) {
      return (join[1] as unknown[]).map(readable).join(join[0] as string);
    }
  }
  return value;
}
