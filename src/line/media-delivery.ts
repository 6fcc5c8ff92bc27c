import { Duration, Token } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { MAX_PRESIGNED_SECONDS } from '../contract/limits';

/** Options of media links through Amazon CloudFront. */
export interface CloudFrontMediaOptions {
  /**
   * Domain name of your own for media links, for example `media.example.com`. The stack's output `DomainTarget` says where to
   * point its DNS record.
   *
   * @default - the distribution's own name, `….cloudfront.net`
   */
  readonly domainName?: string;

  /**
   * Certificate of that name, in us-east-1.
   *
   * @default - none; required with `domainName`
   */
  readonly certificate?: acm.ICertificate;

  /**
   * Parts of the world that are served from nearby.
   *
   * @default - all of them: the friends of an account in Asia are not served by the cheapest class
   */
  readonly priceClass?: cloudfront.PriceClass;
}

/** Options of pre-signed media links. */
export interface PresignedMediaOptions {
  /**
   * How long a link works, at most 12 hours, since a link dies with the credentials of the role that signed it and a
   * role session lives no longer; the function's credentials may be some hours old already.
   * LINE's app fetches media when a chat is opened: who opens it later sees nothing.
   *
   * @default Duration.hours(1)
   */
  readonly expiry?: Duration;
}

/** How people's LINE apps get at images, audio and video in the private buckets. */
export abstract class MediaDelivery {
  /**
   * Links through Amazon CloudFront that never expire and name the object's version, so that an overwritten file does
   * not change old chats. The buckets stay private (origin access control).
   *
   * @param options domain name and price class
   * @throws when only one of `domainName` and `certificate` is given, or `domainName` is not a domain name
   */
  public static cloudFront(options: CloudFrontMediaOptions = {}): MediaDelivery {
    if ((options.domainName === undefined) !== (options.certificate === undefined)) {
      throw new Error('`domainName` and `certificate` of MediaDelivery.cloudFront() belong together: give both, or none for the distribution\'s own name');
    }
    if (options.domainName !== undefined && !Token.isUnresolved(options.domainName) && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(options.domainName)) {
      throw new Error(`\`domainName\` of MediaDelivery.cloudFront() must be a domain name such as media.example.com, got '${options.domainName}'`);
    }
    return new CloudFrontDelivery(options);
  }

  /**
   * S3 pre-signed links. They expire: prefer `cloudFront()` unless links must not outlive the day. They cannot serve imagemaps, to whose
   * link LINE's apps append a size.
   *
   * @param options how long links work
   * @throws when `expiry` is not between 1 second and 12 hours
   */
  public static presigned(options: PresignedMediaOptions = {}): MediaDelivery {
    const expiry = options.expiry ?? Duration.hours(1);
    const seconds = expiry.isUnresolved() ? undefined : expiry.toSeconds({ integral: false });
    if (seconds !== undefined && !Token.isUnresolved(seconds) && (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_PRESIGNED_SECONDS)) {
      throw new Error(`\`expiry\` of MediaDelivery.presigned() must be from 1 second to 12 hours in whole seconds, got ${expiry.toHumanString()}: a pre-signed link dies with the credentials of the role that signed it. For links that last use MediaDelivery.cloudFront()`);
    }
    return new PresignedDelivery(expiry);
  }

  /**
   * The options when links go through CloudFront.
   *
   * @internal
   */
  public abstract readonly _cloudFront?: CloudFrontMediaOptions;

  /**
   * The life of pre-signed links.
   *
   * @internal
   */
  public abstract readonly _expiry?: Duration;
}

class CloudFrontDelivery extends MediaDelivery {
  public readonly _expiry = undefined;
  constructor(public readonly _cloudFront: CloudFrontMediaOptions) {
    super();
  }
}

class PresignedDelivery extends MediaDelivery {
  public readonly _cloudFront = undefined;
  constructor(public readonly _expiry: Duration) {
    super();
  }
}
