import { IResource, RemovalPolicy, Resource } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, TAG_KEY_PREFIX } from '../contract/subscriber';
import { grantTableRead, grantTableWrite, tableProps } from '../shared/channel-resources';

/** The system of record of who is a subscriber, here or in another stack. */
export interface ISubscriberTable extends IResource {
  /**
   * The DynamoDB table. Partition key `pk` (`<channelKey>#<LINE user id>`), sort key `sk` (`ENDPOINT` for a subscriber);
   * a subscriber's row has the members of an Amazon Pinpoint endpoint.
   */
  readonly table: dynamodb.ITable;

  /**
   * Lets a principal read subscribers, one by one or all.
   *
   * @param grantee who gets the permission
   */
  grantRead(grantee: iam.IGrantable): iam.Grant;

  /**
   * Lets a principal create and change subscribers, opt them in and out.
   *
   * @param grantee who gets the permission
   */
  grantUpsert(grantee: iam.IGrantable): iam.Grant;

  /**
   * Lets a principal erase subscribers: everything known of the person goes, and a tombstone stays so that no late event
   * brings the person back. Only a newer follow event clears a tombstone.
   *
   * @param grantee who gets the permission
   */
  grantErase(grantee: iam.IGrantable): iam.Grant;
}

/** Properties of a subscriber table. */
export interface SubscriberTableProps {
  /**
   * Customer managed key to encrypt the table with.
   *
   * @default - DynamoDB's own key
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to the subscribers when the table leaves the stack.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** What names a subscriber table that was deployed elsewhere. */
export interface SubscriberTableAttributes {
  /** ARN of the table. */
  readonly tableArn: string;

  /**
   * ARN of the table's stream. Needed by a channel with audiences, which are fed from it.
   *
   * @default - none; a channel with audiences refuses the table
   */
  readonly tableStreamArn?: string;

  /**
   * Key that the table is encrypted with.
   *
   * @default - none, DynamoDB's own key
   */
  readonly encryptionKey?: kms.IKey;
}

abstract class SubscriberTableBase extends Resource implements ISubscriberTable {
  public abstract readonly table: dynamodb.ITable;

  public grantRead(grantee: iam.IGrantable): iam.Grant {
    return grantTableRead(this.table, grantee, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:Scan');
  }

  public grantUpsert(grantee: iam.IGrantable): iam.Grant {
    return grantTableWrite(this.table, grantee, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
  }

  public grantErase(grantee: iam.IGrantable): iam.Grant {
    // A tombstone replaces the row: a DeleteItem would forget the time and let an older event bring the person back. Only tags go.
    return grantTableWrite(this.table, grantee, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem').combine(iam.Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:DeleteItem'],
      resourceArns: [this.table.tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${TAG_KEY_PREFIX}*`] } },
    }));
  }
}

/**
 * A DynamoDB table of subscribers in Amazon Pinpoint's endpoint shape: billed by use, with a stream, point-in-time
 * recovery and time to live, and retained when the stack goes.
 *
 * A channel makes its own unless it is given one. Several channels may share a table when each has its own `channelKey`;
 * no more than two of them should have audiences, which read the table's stream (Amazon DynamoDB, "Change data capture
 * for DynamoDB Streams": two readers a shard).
 *
 * @example
 * const subscribers = new SubscriberTable(this, 'Subscribers');
 * new LineChannel(this, 'Line', { subscribers, channelKey: 'shop' });
 */
export class SubscriberTable extends SubscriberTableBase {
  /**
   * Refers to a subscriber table that was deployed elsewhere.
   *
   * @param scope the construct that refers to it
   * @param id the id of the reference
   * @param attrs what names the table
   */
  public static fromSubscriberTableAttributes(scope: Construct, id: string, attrs: SubscriberTableAttributes): ISubscriberTable {
    class Import extends SubscriberTableBase {
      public readonly table = dynamodb.Table.fromTableAttributes(this, 'Resource', {
        tableArn: attrs.tableArn,
        tableStreamArn: attrs.tableStreamArn,
        encryptionKey: attrs.encryptionKey,
      });
    }
    return new Import(scope, id);
  }

  public readonly table: dynamodb.ITable;

  constructor(scope: Construct, id: string, props: SubscriberTableProps = {}) {
    super(scope, id);
    this.table = new dynamodb.Table(this, 'Resource', {
      ...tableProps(SUBSCRIBER_PARTITION_KEY, SUBSCRIBER_SORT_KEY, props),
      stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    });
  }
}
