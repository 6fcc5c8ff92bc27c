import { CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { MediaDelivery } from '../../src';
import { testStack } from '../support/template';

describe('MediaDelivery.cloudFront', () => {
  test("has the distribution's own name by default, and takes domain, certificate and price class", () => {
    const certificate = acm.Certificate.fromCertificateArn(testStack(), 'Certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/0123');
    const options = { domainName: 'media.example.com', certificate, priceClass: cloudfront.PriceClass.PRICE_CLASS_200 };
    expect(MediaDelivery.cloudFront()._cloudFront).toEqual({});
    expect(MediaDelivery.cloudFront()._expiry).toBeUndefined();
    expect(MediaDelivery.cloudFront(options)._cloudFront).toEqual(options);
  });

  test('fails for a domain without certificate, and the reverse', () => {
    const certificate = acm.Certificate.fromCertificateArn(testStack(), 'Certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/0123');
    const message = "`domainName` and `certificate` of MediaDelivery.cloudFront() belong together: give both, or none for the distribution's own name";
    expect(() => MediaDelivery.cloudFront({ domainName: 'media.example.com' })).toThrow(message);
    expect(() => MediaDelivery.cloudFront({ certificate })).toThrow(message);
  });
});

describe('MediaDelivery.presigned', () => {
  test.each<[Duration | undefined, number]>([
    [undefined, 3_600], [Duration.seconds(1), 1], [Duration.hours(12), 43_200], [Duration.millis(5_000), 5],
  ])('takes %p', (expiry, seconds) => {
    const delivery = MediaDelivery.presigned({ expiry });
    expect(delivery._expiry!.toSeconds()).toBe(seconds);
    expect(delivery._cloudFront).toBeUndefined();
  });

  test('takes a parameter', () => {
    const expiry = Duration.seconds(new CfnParameter(testStack(), 'Expiry', { type: 'Number' }).valueAsNumber);
    expect(MediaDelivery.presigned({ expiry })._expiry).toBe(expiry);
  });

  test.each<[string, Duration]>([
    ['0 seconds', Duration.seconds(0)],
    ['12 hours 1 second', Duration.seconds(43_201)],
    ['1 day', Duration.days(1)],
    ['1 second 500 millis', Duration.millis(1_500)],
  ])('fails for %s', (shown, expiry) => {
    expect(() => MediaDelivery.presigned({ expiry })).toThrow(
      `\`expiry\` of MediaDelivery.presigned() must be from 1 second to 12 hours in whole seconds, got ${shown}: `
      + 'a pre-signed link dies with the credentials of the role that signed it. For links that last use MediaDelivery.cloudFront()');
  });

  test('fails for a negative duration, which CDK itself refuses', () => {
    expect(() => MediaDelivery.presigned({ expiry: Duration.hours(-1) })).toThrow(/negative.*-1/);
  });
});

test.each(['', 'media', 'https://media.example.com'])('fails for the domain name %p', (domainName) => {
  const certificate = acm.Certificate.fromCertificateArn(new Stack(), 'Certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/1');
  expect(() => MediaDelivery.cloudFront({ domainName, certificate }))
    .toThrow(`\`domainName\` of MediaDelivery.cloudFront() must be a domain name such as media.example.com, got '${domainName}'`);
});
