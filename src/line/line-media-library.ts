import { CfnOutput, Resource, Stack, Token } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { LineMessageType } from './line-message-type';
import { CloudFrontMediaOptions, MediaDelivery } from './media-delivery';
import { ENV_MEDIA_DELIVERY, ENV_MEDIA_PLACES } from '../contract/environment';
import { IMAGEMAP_SIZES, IMAGEMAP_VERSION_SEPARATOR, MEDIA_TYPES, MediaDeliveryConfig, MediaPlaces, MediaType } from '../contract/media';
import { ChannelResources, checkGivenBucket, grantObjects, letServiceUseKey, warnIfUnversioned, warnToAddStatement } from '../shared/channel-resources';
import { globalName } from '../shared/unique-name';
import { checkPattern, fail } from '../shared/validation';

const { IMAGE, AUDIO, VIDEO, IMAGEMAP, TEMPLATE, FLEX, ANY } = LineMessageType;

/** Message types that show or play media of each type. */
const SHOWN_BY: { [type in MediaType]: LineMessageType[] } = {
  image: [IMAGE, IMAGEMAP, TEMPLATE, FLEX, ANY],
  audio: [AUDIO, ANY],
  video: [VIDEO, IMAGEMAP, FLEX, ANY],
};

/**
 * Media types that a channel needs a bucket for. A video's cover lies beside the video.
 *
 * @param types the channel's message types
 */
export function mediaTypesOf(types: readonly LineMessageType[]): MediaType[] {
  return MEDIA_TYPES.filter((mediaType) => SHOWN_BY[mediaType].some((type) => types.includes(type)));
}

/** Bucket of a media type: made under a name, or given. */
export interface MediaBucketChoice {
  readonly bucketName?: string;
  readonly bucket?: s3.IBucket;
}

export interface LineMediaLibraryProps {
  /** At least one, in the order of `MEDIA_TYPES`. */
  readonly types: MediaType[];
  readonly buckets: { [type in MediaType]: MediaBucketChoice };
  readonly delivery: MediaDelivery;
  readonly resources: ChannelResources;
}

interface MediaPlace {
  readonly bucket: s3.IBucket;
  /** Prefix of the type's keys: empty when the type has the bucket to itself, else `<type>/`. */
  readonly prefix: string;
}

/** Ids of the buckets: part of the library's contract. */
const BUCKET_IDS: { [type in MediaType]: string } = { image: 'ImageBucket', audio: 'AudioBucket', video: 'VideoBucket' };

/**
 * Where a channel's images, audio and video lie and by which links they are reached. Not exported from the package.
 */
export class LineMediaLibrary extends Construct {
  private readonly places = new Map<MediaType, MediaPlace>();
  private readonly delivery: MediaDeliveryConfig;

  constructor(scope: Construct, id: string, private readonly props: LineMediaLibraryProps) {
    super(scope, id);
    const { types, delivery } = props;
    checkBuckets(this, props.buckets);
    for (const type of types) {
      this.places.set(type, { bucket: this.bucket(type), prefix: prefixOf(type, props.buckets) });
    }
    this.delivery = delivery._cloudFront
      ? { kind: 'cloudfront', domainName: this.distribution(delivery._cloudFront) }
      : { kind: 'presigned', expirySeconds: delivery._expiry!.toSeconds() };
  }

  /** Bucket of a type, if the channel has one. */
  public bucketOf(type: MediaType): s3.IBucket | undefined {
    return this.places.get(type)?.bucket;
  }

  /** Prefix of a type's keys in its bucket. */
  public prefixOf(type: MediaType): string {
    return this.places.get(type)?.prefix ?? '';
  }

  /** Type whose media links lead to every object of the bucket: the type has the bucket to itself. */
  public typeWithAllOf(bucket: s3.IBucket): MediaType | undefined {
    return [...this.places].find(([, place]) => place.prefix === '' && sameBucket(place.bucket, bucket))?.[0];
  }

  /** Environment of every function that sends: any message may show media of any type. */
  public environment(): { [name: string]: string } {
    const stack = Stack.of(this);
    const places: MediaPlaces = Object.fromEntries([...this.places]
      .map(([type, { bucket, prefix }]) => [type, { bucket: bucket.bucketName, prefix }]));
    return { [ENV_MEDIA_PLACES]: stack.toJsonString(places), [ENV_MEDIA_DELIVERY]: stack.toJsonString(this.delivery) };
  }

  /** Lets a function look at the media of every type the channel has, and sign links to them. */
  public grantRead(grantee: iam.IGrantable): void {
    for (const { bucket, prefix } of this.places.values()) {
      grantObjects(bucket, grantee, prefix, 's3:GetObject', 's3:GetObjectVersion');
      // Without it S3 answers 403 instead of 404 for a key that does not exist (Amazon S3 API, HeadObject).
      iam.Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] });
      bucket.encryptionKey?.grantDecrypt(grantee);
    }
  }

  /** Lets somebody upload media of every type the channel has. */
  public grantUpload(grantee: iam.IGrantable): iam.Grant {
    return [...this.places.values()]
      .map(({ bucket, prefix }) => {
        bucket.encryptionKey?.grantEncryptDecrypt(grantee);
        return grantObjects(bucket, grantee, prefix, 's3:PutObject', 's3:AbortMultipartUpload');
      })
      .reduce((all, one) => all.combine(one), iam.Grant.drop(grantee, 'no media types'));
  }

  private bucket(type: MediaType): s3.IBucket {
    const { bucket, bucketName } = this.props.buckets[type];
    if (bucket) {
      checkGivenBucket(this, `${type}Bucket`, bucket, {
        actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket'], prefixes: [prefixOf(type, this.props.buckets)],
      });
      warnIfUnversioned(this, `${type}Bucket`, bucket, 'overwriting a file changes what people see in old chats');
      return bucket;
    }
    return this.props.resources.bucket(this, BUCKET_IDS[type], { bucketName, versioned: true });
  }

  /** @returns domain name of the links */
  private distribution(options: CloudFrontMediaOptions): string {
    const rewrite = new cloudfront.Function(this, 'MediaPath', {
      functionName: globalName(this),
      comment: 'Turns /<type>/<version>/<key> into the object and its version',
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      code: cloudfront.FunctionCode.fromInline(mediaPathCode(Object.fromEntries([...this.places].map(([type, { prefix }]) => [type, prefix])))),
    });
    const cachePolicy = new cloudfront.CachePolicy(this, 'CachePolicy', {
      cachePolicyName: globalName(this),
      comment: 'Media of a LINE channel: one object version, one cache entry',
      queryStringBehavior: cloudfront.CacheQueryStringBehavior.allowList('versionId'),
      enableAcceptEncodingGzip: false,
      enableAcceptEncodingBrotli: false,
    });
    const originAccessControl = new cloudfront.S3OriginAccessControl(this, 'OriginAccessControl', {
      originAccessControlName: globalName(this),
    });
    const { originAccessControlId } = originAccessControl;
    const readers: [s3.IBucket, BucketOrigin][] = [];
    const behavior = (bucket: s3.IBucket): cloudfront.BehaviorOptions => {
      let origin = readers.find(([other]) => sameBucket(other, bucket))?.[1];
      if (!origin) {
        origin = new BucketOrigin(bucket, originAccessControlId);
        readers.push([bucket, origin]);
      }
      return {
        origin,
        cachePolicy,
        compress: false,
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        functionAssociations: [{ function: rewrite, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
      };
    };
    const [[, first], ...rest] = [...this.places];
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: 'Media of a LINE channel',
      defaultBehavior: behavior(first.bucket),
      additionalBehaviors: Object.fromEntries(rest.map(([type, { bucket }]) => [`/${type}/*`, behavior(bucket)])),
      priceClass: options.priceClass,
      ...(options.domainName && {
        domainNames: [options.domainName],
        certificate: options.certificate,
        minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
      }),
    });
    for (const [bucket] of readers) {
      const prefixes = [...this.places.values()].filter((place) => sameBucket(place.bucket, bucket)).map(({ prefix }) => prefix);
      this.letDistributionRead(bucket, prefixes, distribution);
    }
    if (options.domainName === undefined) {
      return distribution.distributionDomainName;
    }
    new CfnOutput(this, 'DomainTarget', { description: 'Point the DNS record of the media links\' domain name here', value: distribution.distributionDomainName });
    return options.domainName;
  }

  /** Lets the distribution read a bucket, or shows the user the statements that must be added by hand. */
  private letDistributionRead(bucket: s3.IBucket, prefixes: string[], distribution: cloudfront.Distribution): void {
    // This stack needs a bucket of another stack, which therefore cannot name the distribution.
    const elsewhere = Resource.isOwnedResource(bucket) && Stack.of(bucket) !== Stack.of(this);
    const statement = cloudFrontStatement(['s3:GetObject', 's3:GetObjectVersion'], prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
      elsewhere ? anyDistribution(this) : { StringEquals: { 'AWS:SourceArn': distribution.distributionArn } });
    if (!bucket.addToResourcePolicy(statement).statementAdded) {
      warnToAddStatement(this, 'importedBucketPolicy', `the policy of the imported bucket ${name(bucket)}, so that CloudFront can read it`, statement);
    }
    if (bucket.encryptionKey) {
      letServiceUseKey(bucket.encryptionKey, cloudFrontStatement(['kms:Decrypt'], ['*'], anyDistribution(this)));
    }
  }
}

/**
 * A private bucket behind origin access control. CDK's own origin also writes the policies of bucket and key, which is a
 * circle for a bucket of another stack.
 */
class BucketOrigin extends cloudfront.OriginBase {
  constructor(bucket: s3.IBucket, originAccessControlId: string) {
    super(bucket.bucketRegionalDomainName, { originAccessControlId });
  }

  protected renderS3OriginConfig(): cloudfront.CfnDistribution.S3OriginConfigProperty {
    return { originAccessIdentity: '' };
  }
}

/** Source: Amazon CloudFront, "Restrict access to an Amazon S3 origin", origin access control. */
function cloudFrontStatement(actions: string[], resources: string[], conditions: iam.Conditions): iam.PolicyStatement {
  return new iam.PolicyStatement({ principals: [new iam.ServicePrincipal('cloudfront.amazonaws.com')], actions, resources, conditions });
}

/** Every distribution of this account, where naming the one would be a circle: it needs its bucket, which needs its key. */
function anyDistribution(scope: Construct): iam.Conditions {
  return { ArnLike: { 'AWS:SourceArn': Stack.of(scope).formatArn({ service: 'cloudfront', region: '', resource: 'distribution', resourceName: '*' }) } };
}

type MediaBucketChoices = LineMediaLibraryProps['buckets'];

/** Checks every bucket prop, also those of types that the channel does not have: they come into use when it gets the type. */
function checkBuckets(scope: Construct, choices: MediaBucketChoices): void {
  const named = new Map<string, string>();
  for (const type of MEDIA_TYPES) {
    const { bucket, bucketName } = choices[type];
    if (bucket && bucketName !== undefined) {
      fail(scope, `\`${type}Bucket\` and \`${type}BucketName\` cannot both be given, got the bucket ${bucket.node.path} and the name '${bucketName}': give the bucket to use it, or the name to have a bucket made`);
    }
    checkPattern(scope, `${type}BucketName`, bucketName, /^(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a bucket name of 3 to 63 lower case letters, digits, dots and hyphens');
    if (bucketName !== undefined) {
      const other = named.get(bucketName) ?? MEDIA_TYPES.map((each) => `${each}Bucket` as const)
        .find((_, index) => choices[MEDIA_TYPES[index]].bucket?.bucketName === bucketName);
      if (other) {
        fail(scope, `\`${type}BucketName\` is '${bucketName}', which \`${other}\` has already: to keep several types in one bucket make it yourself and give it as \`${type}Bucket\` and \`${other.replace(/Name$/, '')}\``);
      }
      named.set(bucketName, `${type}BucketName`);
    }
  }
}

/**
 * Whether a given bucket is shared does not depend on which types the channel has at the moment: a type that is added or
 * left out later must not move the keys of another.
 */
function prefixOf(type: MediaType, choices: MediaBucketChoices): string {
  const { bucket } = choices[type];
  const isShared = MEDIA_TYPES.some((other) => other !== type && bucket && choices[other].bucket && sameBucket(bucket, choices[other].bucket));
  return isShared ? `${type}/` : '';
}

function sameBucket(one: s3.IBucket, other: s3.IBucket): boolean {
  return one === other || one.bucketName === other.bucketName;
}

function name(bucket: s3.IBucket): string {
  return Token.isUnresolved(bucket.bucketName) ? bucket.node.path : bucket.bucketName;
}

/**
 * Code of the CloudFront function. A link's path is `/<type>/<object version>/<key>`: the version stands in the path and
 * not in a query string because LINE appends sizes to an imagemap's base URL. An imagemap's link holds the versions of all five
 * images, of which the size, the last segment, chooses one; software on the way may encode the separator. Anything else is
 * answered 404. Source: Amazon CloudFront, "JavaScript runtime 2.0 features for CloudFront Functions".
 */
export function mediaPathCode(prefixes: Record<string, string>): string {
  return [
    `var prefixes = ${JSON.stringify(prefixes)};`,
    `var sizes = ${JSON.stringify(IMAGEMAP_SIZES)};`,
    'function versionOf(segment, key) {',
    `  var versions = segment.split(/${IMAGEMAP_VERSION_SEPARATOR}|%7E/i);`,
    '  if (versions.length === 1) {',
    '    return segment;',
    '  }',
    '  return versions.length === sizes.length ? versions[sizes.indexOf(key.split("/").pop())] : undefined;',
    '}',
    'function handler(event) {',
    '  var request = event.request;',
    '  var match = /^\\/([a-z]+)\\/([^/]+)\\/(.+)$/.exec(request.uri);',
    '  var version = match && versionOf(match[2], match[3]);',
    '  if (!version || typeof prefixes[match[1]] !== "string") {',
    '    return { statusCode: 404, statusDescription: "Not Found" };',
    '  }',
    '  request.uri = "/" + prefixes[match[1]] + match[3];',
    '  request.querystring = { versionId: { value: version } };',
    '  return request;',
    '}',
  ].join('\n');
}
