import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ChannelResources, letServiceUseKey } from './channel-resources';

/** What differs between two state machines. */
export interface JobMachineProps {
  readonly start: sfn.IChainable;
  /** What it does, one sentence. */
  readonly comment: string;
  /** Ends what would never end. */
  readonly timeout: Duration;
  /** Holds the lists that its maps read. */
  readonly bucket: s3.IBucket;
  readonly resources: ChannelResources;
}

/**
 * A state machine whose steps are logged without their data (`<id>Logs`) and traced. With the user's key its executions are encrypted; the
 * permissions on the key are given here, because CDK's own are on a machine without a name, which no machine is.
 */
export class JobMachine extends sfn.StateMachine {
  private readonly encryptionKey?: kms.IKey;

  constructor(scope: Construct, id: string, { start, comment, timeout, bucket, resources }: JobMachineProps) {
    super(scope, id, {
      definitionBody: sfn.DefinitionBody.fromChainable(start),
      comment,
      timeout,
      tracingEnabled: true,
      logs: {
        destination: new logs.LogGroup(scope, `${id}Logs`, resources.logGroupProps()),
        level: sfn.LogLevel.ALL,
        includeExecutionData: false,
      },
      removalPolicy: resources.transientRemovalPolicy,
    });
    // The maps read their lists in the machine's name.
    bucket.encryptionKey?.grantDecrypt(this);
    this.encryptionKey = resources.encryptionKey;
    if (this.encryptionKey) {
      this.encrypt(this.encryptionKey);
    }
  }

  /** Starting an encrypted execution takes its key as well. Source: AWS Step Functions, "Data at rest encryption in Step Functions". */
  public grantStartExecution(identity: iam.IGrantable): iam.Grant {
    const grant = super.grantStartExecution(identity);
    if (this.encryptionKey) {
      iam.Grant.addToPrincipal({ ...this.keyUse(this.encryptionKey), grantee: identity });
    }
    return grant;
  }

  private encrypt(key: kms.IKey): void {
    const machine = this.node.defaultChild as sfn.CfnStateMachine;
    machine.encryptionConfiguration = {
      type: 'CUSTOMER_MANAGED_KMS_KEY',
      kmsKeyId: key.keyArn,
    };
    // A policy of its own: the role's first one is there before the machine, whose name this one holds.
    this.role.attachInlinePolicy(new iam.Policy(this, 'KeyPolicy', {
      statements: [
        new iam.PolicyStatement(this.keyUse(key)),
        new iam.PolicyStatement({
          actions: ['kms:GenerateDataKey'],
          resources: [key.keyArn],
          conditions: {
            StringEquals: {
              'kms:EncryptionContext:SourceArn': this.stack.formatArn({ service: 'logs', resource: '*', arnFormat: ArnFormat.COLON_RESOURCE_NAME }),
            },
          },
        }),
      ],
    }));
    letServiceUseKey(key, new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('delivery.logs.amazonaws.com')],
      actions: ['kms:Decrypt*'],
      resources: ['*'],
    }));
  }

  /** On the machine's executions and on those of its maps, which are called `<machine>/<label>`. */
  private keyUse(key: kms.IKey): { actions: string[]; resources: string[]; resourceArns: string[]; conditions: { [operator: string]: any } } {
    return {
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [key.keyArn],
      resourceArns: [key.keyArn],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:states:stateMachineArn': [this.stateMachineArn, `${this.stateMachineArn}/*`] } },
    };
  }
}

/**
 * Lets rules of the account's default bus put events that they could not deliver into queues that are encrypted with a key of the user's.
 * Source: Amazon EventBridge, "Using dead-letter queues to process undelivered events".
 */
export function letRulesUseKey(scope: Construct, key: kms.IKey): void {
  const stack = Stack.of(scope);
  letServiceUseKey(key, new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal('events.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: ['*'],
    conditions: {
      StringEquals: { 'aws:SourceAccount': stack.account },
      ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'events', resource: 'rule', resourceName: '*' }) },
    },
  }));
}
