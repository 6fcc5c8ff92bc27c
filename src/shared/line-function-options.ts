import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';

/** Settings that reach every function of a channel. */
export interface LineFunctionOptions {
  /**
   * VPC to run the functions in. It needs a way out to LINE's API and to the AWS services used.
   *
   * @default - the functions run outside any VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of the VPC.
   *
   * @default - CDK's own choice, the private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of the functions.
   *
   * @default - one security group per function, created by CDK, which allows all outbound traffic
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * One log group for all functions.
   *
   * @default - a log group per function, kept for `logRetention`
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * How long log lines are kept. Log lines hold no message text, tokens, signatures or profiles.
   * Cannot be given together with `logGroup`.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * Memory of each function in MiB; Lambda gives CPU in proportion.
   *
   * @default 512
   */
  readonly memorySize?: number;

  /**
   * Instruction set of the functions.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;
}

