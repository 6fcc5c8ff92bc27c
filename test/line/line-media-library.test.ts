import { CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { LineMessageType, MediaDelivery } from '../../src';
import { MEDIA_TYPES, MESSAGE_TYPES, MediaType } from '../../src/contract/media';
import { LineMediaLibrary, LineMediaLibraryProps, mediaTypesOf } from '../../src/line/line-media-library';
import { ChannelResources, ChannelResourcesProps } from '../../src/shared/channel-resources';
import { annotations, messageOf, only, rendered, RECOMMENDED_FLAGS, resources, statementsOf, testApp, testStack } from '../support/template';

const KEY_ARN = 'arn:aws:kms:us-east-1:123456789012:key/0123abcd';

type ChannelChoice = Pick<ChannelResourcesProps, 'encryptionKey' | 'removalPolicy'>;

/** The parts of a library's props that a test is about. */
interface Choice extends Partial<Pick<LineMediaLibraryProps, 'types' | 'delivery'>>, Partial<ChannelChoice> {
  readonly buckets?: Partial<LineMediaLibraryProps['buckets']>;
}

function libraryIn(stack: Stack, choice: Choice = {}): LineMediaLibrary {
  const { types = [...MEDIA_TYPES], delivery = MediaDelivery.cloudFront(), buckets = {}, ...channel } = choice;
  return new LineMediaLibrary(stack, 'Media', {
    types, delivery, buckets: { image: {}, audio: {}, video: {}, ...buckets }, resources: new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line', ...channel }),
  });
}

function templateWith(choice: (stack: Stack) => Choice = () => ({})): { stack: Stack; library: LineMediaLibrary; template: Template } {
  const stack = testStack();
  const library = libraryIn(stack, choice(stack));
  return { stack, library, template: Template.fromStack(stack) };
}

/** What the functions are told about the places of media, references rendered. */
function placesIn(library: LineMediaLibrary): Record<MediaType, { bucket: string; prefix: string }> {
  return JSON.parse(rendered(Stack.of(library).resolve(library.environment().LINE_MEDIA_PLACES)));
}

function roleIn(stack: Stack): iam.Role {
  return new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
}

/** Statements of the bucket's policy that let somebody do something. */
function allowedBy(template: Template, bucketPolicyPrefix: string): any[] {
  return only(template, 'AWS::S3::BucketPolicy', bucketPolicyPrefix).Properties.PolicyDocument.Statement.filter(({ Effect }: any) => Effect === 'Allow');
}

describe('media types', () => {
  const { TEXT, IMAGE, AUDIO, VIDEO, TEXT_V2, STICKER, LOCATION, IMAGEMAP, TEMPLATE, FLEX, COUPON, ANY } = LineMessageType;
  test.each<[LineMessageType[], MediaType[]]>([
    [[], []],
    [[TEXT, TEXT_V2, STICKER, LOCATION, COUPON], []],
    [[IMAGE], ['image']],
    [[AUDIO], ['audio']],
    [[VIDEO], ['video']],
    [[TEMPLATE], ['image']],
    [[IMAGEMAP], ['image', 'video']],
    [[FLEX], ['image', 'video']],
    [[ANY], ['image', 'audio', 'video']],
    [[VIDEO, TEXT, IMAGE], ['image', 'video']],
  ])('of %j are %j', (types, mediaTypes) => {
    expect(mediaTypesOf(types)).toEqual(mediaTypes);
  });

  test('have one order of message types, those of the first version first', () => {
    expect(Object.values(LineMessageType)).toEqual([
      'text', 'image', 'audio', 'video', 'textV2', 'sticker', 'location', 'imagemap', 'template', 'flex', 'coupon', 'any',
    ]);
    expect(Object.values(LineMessageType)).toEqual([...MESSAGE_TYPES, 'any']);
  });
});

describe('a bucket that is made', () => {
  test.each(['Image', 'Audio', 'Video'])('for %s is private, encrypted, versioned and retained', (type) => {
    const { template } = templateWith();
    expect(only(template, 'AWS::S3::Bucket', `Media${type}Bucket`)).toEqual({
      Type: 'AWS::S3::Bucket',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        VersioningConfiguration: { Status: 'Enabled' },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test.each(['Image', 'Audio', 'Video'])('for %s refuses plain http', (type) => {
    const { template } = templateWith();
    expect(only(template, 'AWS::S3::BucketPolicy', `Media${type}BucketPolicy`).Properties.PolicyDocument.Statement[0]).toMatchObject({
      Effect: 'Deny', Action: 's3:*', Principal: { AWS: '*' }, Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  });

  test('takes name, key and removal policy', () => {
    const { template } = templateWith((stack) => ({
      buckets: { image: { bucketName: 'my-images' } }, encryptionKey: new kms.Key(stack, 'Key'), removalPolicy: RemovalPolicy.DESTROY,
    }));
    expect(only(template, 'AWS::S3::Bucket', 'MediaImageBucket')).toMatchObject({
      Properties: {
        BucketName: 'my-images',
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] } },
          }],
        },
      },
      DeletionPolicy: 'Delete',
    });
  });

  test('takes a name that is a parameter', () => {
    const { template } = templateWith((stack) => ({ buckets: { audio: { bucketName: new CfnParameter(stack, 'Name').valueAsString } } }));
    expect(only(template, 'AWS::S3::Bucket', 'MediaAudioBucket').Properties.BucketName).toEqual({ Ref: 'Name' });
  });

  test('is made for the types of the channel only', () => {
    const { template, library } = templateWith(() => ({ types: ['audio'] }));
    expect(Object.keys(resources(template, 'AWS::S3::Bucket'))).toEqual([expect.stringMatching(/^MediaAudioBucket/)]);
    expect(library.bucketOf('image')).toBeUndefined();
    expect(library.prefixOf('image')).toBe('');
    expect(placesIn(library)).toEqual({ audio: { bucket: expect.stringMatching(/^<MediaAudioBucket\w+>$/), prefix: '' } });
  });

  test.each(['Media', 'a', 'my_images', '-images', '1.2.3.4', 'x'.repeat(64), 'xn--images'])('fails for the name %s', (bucketName) => {
    expect(messageOf((stack) => libraryIn(stack, { buckets: { video: { bucketName } } })))
      .toBe(`Stack/Media: \`videoBucketName\` must be a bucket name of 3 to 63 lower case letters, digits, dots and hyphens, got '${bucketName}'`);
  });

  test('fails for the name of another bucket of the channel', () => {
    const advice = (type: string, other: string) =>
      `: to keep several types in one bucket make it yourself and give it as \`${type}Bucket\` and \`${other}Bucket\``;
    expect(messageOf((stack) => libraryIn(stack, { buckets: { image: { bucketName: 'my-media' }, video: { bucketName: 'my-media' } } })))
      .toBe(`Stack/Media: \`videoBucketName\` is 'my-media', which \`imageBucketName\` has already${advice('video', 'image')}`);
    expect(messageOf((stack) => libraryIn(stack, { buckets: { image: { bucketName: 'my-media' }, audio: { bucket: s3.Bucket.fromBucketName(stack, 'Given', 'my-media') } } })))
      .toBe(`Stack/Media: \`imageBucketName\` is 'my-media', which \`audioBucket\` has already${advice('image', 'audio')}`);
  });

  test('fails for a name together with a bucket', () => {
    expect(messageOf((stack) => libraryIn(stack, { buckets: { image: { bucketName: 'my-images', bucket: s3.Bucket.fromBucketName(stack, 'Given', 'given') } } })))
      .toBe("Stack/Media: `imageBucket` and `imageBucketName` cannot both be given, got the bucket Stack/Given and the name 'my-images': give the bucket to use it, or the name to have a bucket made");
  });
});

describe('a bucket that is given', () => {
  test('fails in another region, and is warned of in another account', () => {
    const inTokyo = (attributes: object) => {
      const stack = testStack({ env: { region: 'ap-northeast-1', account: '123456789012' } });
      libraryIn(stack, { buckets: { image: { bucket: s3.Bucket.fromBucketAttributes(stack, 'Given', { bucketName: 'given', ...attributes }) } }, delivery: MediaDelivery.presigned() });
      return annotations(stack, 'Warning');
    };
    expect(() => inTokyo({ region: 'us-east-1' })).toThrow('`imageBucket` must be a bucket in the channel\'s region ap-northeast-1, got one in us-east-1 (Stack/Given)');
    expect(inTokyo({ region: 'ap-northeast-1', account: '123456789012' })).toEqual([]);
    expect(inTokyo({ account: '210987654321' })).toEqual([expect.stringMatching(
      /the policy of the bucket Stack\/Given of the account 210987654321, given as `imageBucket`.*"s3:ListBucket".*"arn:<Partition>:s3:::given\/\*"/)]);
  });

  test('is used as it is, keys at its root, when it is for one type', () => {
    const { stack, library, template } = templateWith((scope) => ({ buckets: { image: { bucket: new s3.Bucket(scope, 'Given', { versioned: true }) } } }));
    expect(Object.keys(resources(template, 'AWS::S3::Bucket'))).toHaveLength(3);
    expect(placesIn(library).image).toEqual({ bucket: expect.stringMatching(/^<Given\w+>$/), prefix: '' });
    expect(annotations(stack, 'Warning')).toEqual([]);
  });

  test.each<[string, (stack: Stack) => [s3.IBucket, s3.IBucket]]>([
    ['is one construct', (stack) => { const bucket = new s3.Bucket(stack, 'Given', { versioned: true }); return [bucket, bucket]; }],
    ['is imported twice by name', (stack) => [s3.Bucket.fromBucketName(stack, 'One', 'given'), s3.Bucket.fromBucketName(stack, 'Two', 'given')]],
    ['is imported twice by a parameter', (stack) => {
      const name = new CfnParameter(stack, 'Name').valueAsString;
      return [s3.Bucket.fromBucketName(stack, 'One', name), s3.Bucket.fromBucketName(stack, 'Two', name)];
    }],
  ])('has a prefix for each type when types share it, and it %s', (_name, buckets) => {
    const stack = testStack();
    const [image, video] = buckets(stack);
    const library = libraryIn(stack, { buckets: { image: { bucket: image }, video: { bucket: video } } });
    expect(MEDIA_TYPES.map((type) => library.prefixOf(type))).toEqual(['image/', '', 'video/']);
    expect(MEDIA_TYPES.map((type) => placesIn(library)[type].prefix)).toEqual(['image/', '', 'video/']);
    // The distribution reads it through one origin.
    expect(only(Template.fromStack(stack), 'AWS::CloudFront::Distribution', 'Media').Properties.DistributionConfig.Origins).toHaveLength(2);
  });

  test('has no prefix when two parameters happen to name it', () => {
    const stack = testStack();
    const library = libraryIn(stack, {
      buckets: {
        image: { bucket: s3.Bucket.fromBucketName(stack, 'One', new CfnParameter(stack, 'NameOne').valueAsString) },
        video: { bucket: s3.Bucket.fromBucketName(stack, 'Two', new CfnParameter(stack, 'NameTwo').valueAsString) },
      },
    });
    expect(library.prefixOf('image')).toBe('');
  });

  test('warns when it is not versioned', () => {
    const { stack } = templateWith((scope) => ({ buckets: { image: { bucket: new s3.Bucket(scope, 'Given') } } }));
    expect(annotations(stack, 'Warning', '/Stack/Media')).toEqual([
      'the bucket Stack/Given, given as `imageBucket`, is not versioned: overwriting a file changes what people see in old chats. Make it with `versioned: true` [ack: cdk-line-pinpoint:unversionedBucket]',
    ]);
  });

  test('warns when its policy cannot be changed, with the statement to add', () => {
    const { stack, template } = templateWith((scope) => ({ types: ['image'], buckets: { image: { bucket: s3.Bucket.fromBucketName(scope, 'Given', 'my-images') } } }));
    const [distributionId] = Object.keys(resources(template, 'AWS::CloudFront::Distribution'));
    expect(annotations(stack, 'Warning')).toEqual([
      'CDK cannot change the policy of the imported bucket my-images, so that CloudFront can read it. Add this statement to it: '
      + '{"Action":["s3:GetObject","s3:GetObjectVersion"],'
      + `"Condition":{"StringEquals":{"AWS:SourceArn":"arn:<Partition>:cloudfront::<AccountId>:distribution/<${distributionId}>"}},`
      + '"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Resource":"arn:<Partition>:s3:::my-images/*"}'
      + ' [ack: cdk-line-pinpoint:importedBucketPolicy]',
    ]);
  });

  test('warns by path when its name is a parameter', () => {
    const { stack } = templateWith((scope) => ({ types: ['image'], buckets: { image: { bucket: s3.Bucket.fromBucketName(scope, 'Given', new CfnParameter(scope, 'Name').valueAsString) } } }));
    expect(annotations(stack, 'Warning')).toEqual([expect.stringContaining('the policy of the imported bucket Stack/Given, ')]);
  });

  test('warns when the policy of its key cannot be changed, with the statement to add', () => {
    const { stack } = templateWith((scope) => ({
      types: ['image'],
      buckets: { image: { bucket: new s3.Bucket(scope, 'Given', { versioned: true, encryptionKey: kms.Key.fromKeyArn(scope, 'Key', KEY_ARN) }) } },
    }));
    expect(annotations(stack, 'Warning', '/Stack/Key')).toEqual([
      `CDK cannot change the policy of the imported key ${KEY_ARN}, which a LINE channel needs. Add this statement to it: `
      + '{"Action":"kms:Decrypt","Condition":{"ArnLike":{"AWS:SourceArn":"arn:<Partition>:cloudfront::<AccountId>:distribution/*"}},'
      + '"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Resource":"*"} [ack: cdk-line-pinpoint:importedKeyPolicy]',
    ]);
    expect(annotations(stack, 'Warning')).toHaveLength(1);
  });

  test('needs no policy, and gives no warning, for pre-signed links', () => {
    const { stack, template } = templateWith((scope) => ({
      types: ['image'], delivery: MediaDelivery.presigned(), buckets: { image: { bucket: s3.Bucket.fromBucketName(scope, 'Given', 'my-images') } },
    }));
    expect(annotations(stack, 'Warning')).toEqual([]);
    expect(resources(template)).toEqual({});
  });

  test.each([['without feature flags', {}], ['with the feature flags of a new project', RECOMMENDED_FLAGS]])('and its key may be of another stack, %s', (_name, context) => {
    const app = testApp(context);
    const home = new Stack(app, 'Home');
    const bucket = new s3.Bucket(home, 'Given', { versioned: true, encryptionKey: new kms.Key(home, 'Key') });
    const stack = new Stack(app, 'Stack');
    libraryIn(stack, { types: ['image', 'video'], buckets: { image: { bucket } } });
    const template = Template.fromStack(home);
    // The other stack cannot name the distribution, since this one needs it.
    const condition = { ArnLike: { 'AWS:SourceArn': { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':cloudfront::', { Ref: 'AWS::AccountId' }, ':distribution/*']] } } };
    expect(allowedBy(template, 'GivenPolicy')).toEqual([expect.objectContaining({ Action: ['s3:GetObject', 's3:GetObjectVersion'], Condition: condition })]);
    expect(only(template, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy.Statement).toContainEqual(expect.objectContaining({ Action: 'kms:Decrypt', Condition: condition }));
    expect(allowedBy(Template.fromStack(stack), 'MediaVideoBucketPolicy')).toEqual([expect.objectContaining({ Condition: { StringEquals: { 'AWS:SourceArn': expect.anything() } } })]);
    expect(annotations(stack, 'Warning').filter((warning) => /cdk-line-pinpoint|cloudfront/.test(warning))).toEqual([]);
  });
});

describe('links through CloudFront', () => {
  test('have the distribution read exactly the objects and versions of the buckets', () => {
    const { template } = templateWith();
    const [distributionId] = Object.keys(resources(template, 'AWS::CloudFront::Distribution'));
    for (const type of ['Image', 'Audio', 'Video']) {
      expect(allowedBy(template, `Media${type}BucketPolicy`).map(({ Resource, Condition, ...rest }) => ({ ...rest, resource: rendered(Resource), source: rendered(Condition.StringEquals['AWS:SourceArn']) }))).toEqual([{
        Effect: 'Allow',
        Principal: { Service: 'cloudfront.amazonaws.com' },
        Action: ['s3:GetObject', 's3:GetObjectVersion'],
        resource: expect.stringMatching(new RegExp(`^<Media${type}Bucket\\w+\\.Arn>/\\*$`)),
        source: `arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<${distributionId}>`,
      }]);
    }
  });

  test('go by https only, to one origin for each bucket behind origin access control', () => {
    const { template } = templateWith();
    const config = only(template, 'AWS::CloudFront::Distribution', 'MediaDistribution').Properties.DistributionConfig;
    const [originAccessControlId] = Object.keys(resources(template, 'AWS::CloudFront::OriginAccessControl'));
    expect(only(template, 'AWS::CloudFront::OriginAccessControl', 'Media').Properties.OriginAccessControlConfig).toMatchObject({
      OriginAccessControlOriginType: 's3', SigningBehavior: 'always', SigningProtocol: 'sigv4',
    });
    expect(config.Origins.map(({ Id, DomainName, ...rest }: any) => ({ ...rest, domainName: rendered(DomainName) }))).toEqual(['Image', 'Audio', 'Video'].map((type) => ({
      OriginAccessControlId: { 'Fn::GetAtt': [originAccessControlId, 'Id'] },
      S3OriginConfig: { OriginAccessIdentity: '' },
      domainName: expect.stringMatching(new RegExp(`^<Media${type}Bucket\\w+\\.RegionalDomainName>$`)),
    })));
    const behaviors = [config.DefaultCacheBehavior, ...config.CacheBehaviors];
    expect(behaviors.map(({ PathPattern, TargetOriginId }: any) => [PathPattern, config.Origins.findIndex(({ Id }: any) => Id === TargetOriginId)])).toEqual([[undefined, 0], ['/audio/*', 1], ['/video/*', 2]]);
    for (const behavior of behaviors) {
      expect(behavior).toMatchObject({ ViewerProtocolPolicy: 'https-only', Compress: false, FunctionAssociations: [{ EventType: 'viewer-request' }] });
      expect(behavior).not.toHaveProperty('AllowedMethods');
    }
    expect(config).not.toHaveProperty('ViewerCertificate');
    expect(config).not.toHaveProperty('PriceClass');
  });

  test('are cached by object and version', () => {
    const { template } = templateWith();
    expect(only(template, 'AWS::CloudFront::CachePolicy', 'Media').Properties.CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin).toEqual({
      CookiesConfig: { CookieBehavior: 'none' },
      EnableAcceptEncodingBrotli: false,
      EnableAcceptEncodingGzip: false,
      HeadersConfig: { HeaderBehavior: 'none' },
      QueryStringsConfig: { QueryStringBehavior: 'whitelist', QueryStrings: ['versionId'] },
    });
  });

  test('are rewritten by a function that knows the prefixes', () => {
    const { template } = templateWith((stack) => { const bucket = new s3.Bucket(stack, 'Given', { versioned: true }); return { buckets: { image: { bucket }, video: { bucket } } }; });
    const { FunctionCode, FunctionConfig } = only(template, 'AWS::CloudFront::Function', 'Media').Properties;
    expect(FunctionConfig.Runtime).toBe('cloudfront-js-2.0');
    expect(FunctionCode).toContain('var prefixes = {"image":"image/","audio":"","video":"video/"};');
  });

  test('have names that differ by stack name and region, since CloudFront has one list for an account', () => {
    const { template } = templateWith();
    const names = [
      only(template, 'AWS::CloudFront::Function', 'Media').Properties.Name,
      only(template, 'AWS::CloudFront::CachePolicy', 'Media').Properties.CachePolicyConfig.Name,
      only(template, 'AWS::CloudFront::OriginAccessControl', 'Media').Properties.OriginAccessControlConfig.Name,
    ];
    for (const name of names) {
      expect(rendered(name)).toMatch(/^Stack-Media-[0-9A-F]{8}-<AWS::Region>$/);
    }
  });

  test('have the name of the distribution, or the domain of the user', () => {
    const { stack, library } = templateWith();
    expect(rendered(stack.resolve(library.environment().LINE_MEDIA_DELIVERY))).toMatch(/^\{"kind":"cloudfront","domainName":"<MediaDistribution\w+\.DomainName>"\}$/);

    const own = templateWith((scope) => ({
      delivery: MediaDelivery.cloudFront({
        domainName: 'media.example.com',
        certificate: acm.Certificate.fromCertificateArn(scope, 'Certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/0123'),
        priceClass: cloudfront.PriceClass.PRICE_CLASS_200,
      }),
    }));
    expect(own.stack.resolve(own.library.environment().LINE_MEDIA_DELIVERY)).toBe('{"kind":"cloudfront","domainName":"media.example.com"}');
    expect(only(own.template, 'AWS::CloudFront::Distribution', 'Media').Properties.DistributionConfig).toMatchObject({
      Aliases: ['media.example.com'], PriceClass: 'PriceClass_200', ViewerCertificate: { MinimumProtocolVersion: 'TLSv1.2_2021', SslSupportMethod: 'sni-only' },
    });
    expect(Object.values(own.template.findOutputs('*'))).toEqual([
      { Description: "Point the DNS record of the media links' domain name here", Value: { 'Fn::GetAtt': [expect.stringMatching(/^MediaDistribution/), 'DomainName'] } },
    ]);
  });
});

describe('pre-signed links', () => {
  test('need no CloudFront', () => {
    const { stack, library, template } = templateWith(() => ({ delivery: MediaDelivery.presigned({ expiry: Duration.hours(6) }) }));
    expect(stack.resolve(library.environment().LINE_MEDIA_DELIVERY)).toBe('{"kind":"presigned","expirySeconds":21600}');
    expect([...new Set(Object.values(resources(template)).map(({ Type }) => Type))].sort()).toEqual(['AWS::S3::Bucket', 'AWS::S3::BucketPolicy']);
    expect(allowedBy(template, 'MediaImageBucketPolicy')).toEqual([]);
  });

  test('take an expiry that is a parameter', () => {
    const { stack, library } = templateWith((scope) => ({ delivery: MediaDelivery.presigned({ expiry: Duration.seconds(new CfnParameter(scope, 'Expiry', { type: 'Number' }).valueAsNumber) }) }));
    expect(rendered(stack.resolve(library.environment().LINE_MEDIA_DELIVERY))).toBe('{"kind":"presigned","expirySeconds":<Expiry>}');
  });
});

describe('grants', () => {
  test('reading is for the media of every type of the channel, and for telling a missing object from a forbidden one', () => {
    const stack = testStack();
    const bucket = new s3.Bucket(stack, 'Given', { versioned: true });
    libraryIn(stack, { buckets: { image: { bucket }, video: { bucket } } }).grantRead(roleIn(stack));
    const read = ['s3:GetObject', 's3:GetObjectVersion'];
    expect(statementsOf(Template.fromStack(stack), 'Role')).toEqual([
      { actions: read, resources: [expect.stringMatching(/^<Given\w+\.Arn>\/image\/\*$/)] },
      { actions: ['s3:ListBucket'], resources: [expect.stringMatching(/^<Given\w+\.Arn>$/)] },
      { actions: read, resources: [expect.stringMatching(/^<MediaAudioBucket\w+\.Arn>\/\*$/)] },
      { actions: ['s3:ListBucket'], resources: [expect.stringMatching(/^<MediaAudioBucket\w+\.Arn>$/)] },
      { actions: read, resources: [expect.stringMatching(/^<Given\w+\.Arn>\/video\/\*$/)] },
    ]);
  });

  test('reading is for no type that the channel has not', () => {
    const stack = testStack();
    libraryIn(stack, { types: ['audio'] }).grantRead(roleIn(stack));
    expect(statementsOf(Template.fromStack(stack), 'Role').flatMap(({ resources: arns }) => arns))
      .toEqual([expect.stringMatching(/^<MediaAudioBucket/), expect.stringMatching(/^<MediaAudioBucket/)]);
  });

  test('uploading is for objects of every type, and neither reads nor deletes', () => {
    const stack = testStack();
    const bucket = new s3.Bucket(stack, 'Given', { versioned: true });
    libraryIn(stack, { buckets: { image: { bucket }, video: { bucket } } }).grantUpload(roleIn(stack));
    const upload = ['s3:PutObject', 's3:AbortMultipartUpload'];
    expect(statementsOf(Template.fromStack(stack), 'Role')).toEqual([
      { actions: upload, resources: [expect.stringMatching(/^<Given\w+\.Arn>\/image\/\*$/)] },
      { actions: upload, resources: [expect.stringMatching(/^<MediaAudioBucket\w+\.Arn>\/\*$/)] },
      { actions: upload, resources: [expect.stringMatching(/^<Given\w+\.Arn>\/video\/\*$/)] },
    ]);
  });

  test('of an encrypted bucket come with its key', () => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', KEY_ARN);
    const library = libraryIn(stack, { types: ['image'], delivery: MediaDelivery.presigned(), encryptionKey });
    library.grantRead(roleIn(stack));
    library.grantUpload(new iam.Role(stack, 'Uploader', { assumedBy: new iam.AccountRootPrincipal() }));
    const template = Template.fromStack(stack);
    expect(statementsOf(template, 'Role')).toContainEqual({ actions: ['kms:Decrypt'], resources: [KEY_ARN] });
    expect(statementsOf(template, 'Uploader')).toContainEqual({ actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'], resources: [KEY_ARN] });
  });
});

test.each([['us-gov-west-1'], ['cn-north-1'], [undefined]])('every ARN is of the partition of region %p', (region) => {
  const stack = testStack(region ? { env: { region, account: '123456789012' } } : {});
  libraryIn(stack).grantRead(roleIn(stack));
  expect(JSON.stringify(Template.fromStack(stack).toJSON().Resources)).not.toMatch(/arn:aws/);
});
