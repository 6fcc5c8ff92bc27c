import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CdkCustomResourceEvent, CdkCustomResourceResponse } from 'aws-lambda';
import audio from './sample-media/audio.m4a';
import image from './sample-media/image.png';
import videoCover from './sample-media/video-cover.png';
import video from './sample-media/video.mp4';
import { SAMPLE_CACHE_CONTROL, SampleFile, sampleObjects } from '../../domain/line/sample-media';

const FILES: Record<SampleFile, Uint8Array> = { image, audio, video, videoCover };

const s3 = new S3Client();

/**
 * Custom resource: the sample media in the channel's buckets. Source: AWS CDK, "Provider framework".
 * Nothing is deleted with the resource: chats of the past link to the samples.
 */
export const handler = async (event: CdkCustomResourceEvent): Promise<CdkCustomResourceResponse> => {
  if (event.RequestType !== 'Delete') {
    await Promise.all(sampleObjects(event.ResourceProperties.Objects).map(({ bucket, key, file, contentType }) => s3.send(new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: FILES[file],
      ContentType: contentType,
      CacheControl: SAMPLE_CACHE_CONTROL,
    }))));
  }
  return { PhysicalResourceId: 'LineSampleMedia' };
};
