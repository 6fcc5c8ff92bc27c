import { CustomResource, Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { UploadSampleMediaFunction } from './handlers/upload-sample-media-function';
import { LineMediaLibrary } from './line-media-library';
import { MediaType, SAMPLE_MEDIA_KEYS } from '../contract/media';
import { ChannelResources } from '../shared/channel-resources';

/** Keys that each type's sample needs. */
const KEYS: { [type in MediaType]: string[] } = {
  image: [SAMPLE_MEDIA_KEYS.image],
  audio: [SAMPLE_MEDIA_KEYS.audio],
  video: [SAMPLE_MEDIA_KEYS.video, SAMPLE_MEDIA_KEYS.videoCover],
};

/** Puts the sample media into the channel's buckets at deployment. They stay when the stack goes, as old chats link to them. Not exported from the package. */
export class SampleMedia extends Construct {
  constructor(scope: Construct, id: string, types: MediaType[], media: LineMediaLibrary, resources: ChannelResources) {
    super(scope, id);
    const upload = new UploadSampleMediaFunction(this, 'Upload', resources.functionOptions(this, 'Upload', {
      description: 'Puts the sample media of a LINE channel into its buckets',
      timeout: Duration.minutes(1),
    }));
    const buckets = types.map((type): [MediaType, s3.IBucket] => [type, media.bucketOf(type)!]);
    for (const [type, bucket] of buckets) {
      bucket.encryptionKey?.grantEncrypt(upload);
      iam.Grant.addToPrincipal({
        grantee: upload,
        actions: ['s3:PutObject'],
        resourceArns: KEYS[type].map((key) => bucket.arnForObjects(`${media.prefixOf(type)}${key}`)),
      });
    }
    const options = resources.functionOptions(this, 'Provider', { description: 'Unused', timeout: Duration.minutes(1) });
    const provider = new Provider(this, 'Provider', {
      onEventHandler: upload,
      frameworkOnEventRole: options.role,
      vpc: options.vpc,
      vpcSubnets: options.vpcSubnets,
      securityGroups: options.securityGroups,
      logGroup: options.logGroup,
    });
    // CDK's own function has no props for these.
    const framework = provider.node.findChild('framework-onEvent').node.defaultChild as lambda.CfnFunction;
    framework.memorySize = options.memorySize;
    framework.runtime = upload.runtime.name;
    framework.architectures = [options.architecture!.name];
    const resource = new CustomResource(this, 'Resource', {
      serviceToken: provider.serviceToken,
      resourceType: 'Custom::LineSampleMedia',
      properties: {
        Objects: buckets.map(([Type, bucket]) => ({ Bucket: bucket.bucketName, Prefix: media.prefixOf(Type), Type })),
      },
    });
    resource.node.addDependency(upload);
  }
}
