import { ArnFormat, CfnOutput, Stack, Token } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { uniqueName } from '../shared/unique-name';
import { checkInteger, fail } from '../shared/validation';

/** What a channel tells its webhook access when it binds it. */
export interface WebhookAccessBindOptions {
  /**
   * The receiver. It takes events of API Gateway's REST and HTTP APIs, of function URLs and of load balancers; the body must reach it byte
   * by byte (or base64-encoded and flagged), because LINE signs the bytes.
   */
  readonly handler: lambda.IFunction;
}

/** What a webhook access answers when it is bound. */
export interface WebhookAccessConfig {
  /**
   * HTTPS URL that LINE posts to, at most 500 characters.
   *
   * @default - none: nothing leads to the receiver
   */
  readonly webhookUrl?: string;
}

/** A way from LINE to the receiver. Implement it to bring a front door of your own, such as a load balancer. */
export interface IWebhookAccess {
  /**
   * Called once by the channel.
   *
   * @param scope where to create what is needed
   * @param options what the channel hands down
   */
  bind(scope: Construct, options: WebhookAccessBindOptions): WebhookAccessConfig;
}

/** A domain name of your own in front of the webhook. The stack's output `DomainTarget` says where to point its DNS record. */
export interface WebhookDomainOptions {
  /** Fully qualified domain name, for example `line.example.com`. The webhook is then `https://line.example.com/webhook`. */
  readonly domainName: string;

  /** Certificate of the name: in us-east-1 for an edge-optimised REST API, else in the stack's region. LINE requires one of a public authority. */
  readonly certificate: acm.ICertificate;
}

/** Options of a webhook behind a REST API or an HTTP API. */
export interface WebhookApiOptions {
  /**
   * Requests a second that are let through in the long run. LINE gets a 429 above it and delivers again where
   * redelivery is switched on.
   *
   * @default 1000
   */
  readonly throttlingRateLimit?: number;

  /**
   * Requests let through at once.
   *
   * @default 2000
   */
  readonly throttlingBurstLimit?: number;

  /**
   * Domain name of your own; API Gateway's own address is then switched off.
   *
   * @default - API Gateway's address
   */
  readonly domain?: WebhookDomainOptions;

  /**
   * Log group for access logs. A REST API writes them with a role that is set for the whole account, which a library
   * must not do: without that role the deployment fails. An HTTP API needs no role.
   *
   * @default - no access logs
   */
  readonly accessLogGroup?: logs.ILogGroup;
}

/** Options of a webhook behind a REST API. */
export interface RestApiWebhookOptions extends WebhookApiOptions {
  /**
   * Edge-optimised or regional.
   *
   * @default apigateway.EndpointType.EDGE
   */
  readonly endpointType?: apigateway.EndpointType;

  /**
   * ARN of a web ACL (AWS WAF, scope REGIONAL, in the stack's region) to put in front. Do not filter by IP address in
   * it: LINE publishes none and they change (LINE, "Development guidelines").
   *
   * @default - none
   */
  readonly webAclArn?: string;
}

/** The ways from LINE to the receiver that come with the library. */
export abstract class WebhookAccess {
  /**
   * Amazon API Gateway REST API, `POST …/prod/webhook`.
   *
   * @param options throttling, domain, web ACL
   */
  public static restApi(options: RestApiWebhookOptions = {}): IWebhookAccess {
    return new RestApiAccess(options);
  }

  /**
   * Amazon API Gateway HTTP API, `POST …/webhook`: a third of the REST API's price, without web ACL.
   *
   * @param options throttling, domain
   */
  public static httpApi(options: WebhookApiOptions = {}): IWebhookAccess {
    return new HttpApiAccess(options);
  }

  /** Lambda function URL: nothing to pay but the invocation, no throttling of its own. */
  public static functionUrl(): IWebhookAccess {
    return new FunctionUrlAccess();
  }

  /** No way in: for a channel that only sends, or whose receiver is invoked by something of yours. */
  public static none(): IWebhookAccess {
    return new NoAccess();
  }
}

const PATH = 'webhook';
const RATE_LIMIT = 1_000;
const BURST_LIMIT = 2_000;

function checkThrottling(scope: Construct, options: WebhookApiOptions): void {
  checkInteger(scope, 'throttlingRateLimit', options.throttlingRateLimit, 1, 10_000);
  checkInteger(scope, 'throttlingBurstLimit', options.throttlingBurstLimit, 1, 5_000);
}

function outputDomainTarget(scope: Construct, target: string): void {
  new CfnOutput(scope, 'DomainTarget', { description: 'Point the DNS record of the webhook\'s domain name here', value: target });
}

class RestApiAccess implements IWebhookAccess {
  constructor(private readonly options: RestApiWebhookOptions) {}

  public bind(scope: Construct, { handler }: WebhookAccessBindOptions): WebhookAccessConfig {
    const { options } = this;
    checkThrottling(scope, options);
    const endpointType = options.endpointType ?? apigateway.EndpointType.EDGE;
    checkEndpointType(scope, endpointType, options.domain);
    const api = new apigateway.RestApi(scope, 'Api', {
      restApiName: uniqueName(scope, 128),
      description: 'Webhook of a LINE channel',
      endpointTypes: [endpointType],
      // The role of API Gateway's logs belongs to the whole account: never touched from here.
      cloudWatchRole: false,
      disableExecuteApiEndpoint: options.domain !== undefined,
      domainName: options.domain && { ...options.domain, endpointType, securityPolicy: apigateway.SecurityPolicy.TLS_1_2 },
      deployOptions: {
        stageName: 'prod',
        throttlingRateLimit: options.throttlingRateLimit ?? RATE_LIMIT,
        throttlingBurstLimit: options.throttlingBurstLimit ?? BURST_LIMIT,
        ...(options.accessLogGroup && {
          accessLogDestination: new apigateway.LogGroupLogDestination(options.accessLogGroup),
          accessLogFormat: apigateway.AccessLogFormat.jsonWithStandardFields(),
        }),
      },
    });
    // The construct's own output repeats the URL without the path.
    api.node.tryRemoveChild('Endpoint');
    api.root.addResource(PATH).addMethod('POST', new apigateway.LambdaIntegration(handler, { allowTestInvoke: false }));
    if (api.domainName) {
      outputDomainTarget(scope, api.domainName.domainNameAliasDomainName);
    }
    if (options.webAclArn !== undefined) {
      new wafv2.CfnWebACLAssociation(scope, 'WebAcl', {
        webAclArn: options.webAclArn,
        // Source: AWS WAF API, AssociateWebACL: the ARN of a stage has no account.
        resourceArn: Stack.of(scope).formatArn({
          service: 'apigateway',
          account: '',
          resource: '/restapis',
          resourceName: `${api.restApiId}/stages/${api.deploymentStage.stageName}`,
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
        }),
      });
    }
    return { webhookUrl: options.domain ? `https://${options.domain.domainName}/${PATH}` : api.urlForPath(`/${PATH}`) };
  }
}

/** Source: Amazon API Gateway, "API endpoint types" and "Get certificates ready in AWS Certificate Manager". */
function checkEndpointType(scope: Construct, endpointType: apigateway.EndpointType, domain?: WebhookDomainOptions): void {
  if (endpointType === apigateway.EndpointType.PRIVATE) {
    fail(scope, '`endpointType` must be EDGE or REGIONAL, got PRIVATE: LINE calls from the internet');
  }
  const region = domain && (Token.isUnresolved(domain.certificate.certificateArn)
    ? domain.certificate.env.region
    : Stack.of(scope).splitArn(domain.certificate.certificateArn, ArnFormat.SLASH_RESOURCE_NAME).region);
  if (endpointType === apigateway.EndpointType.EDGE && region !== undefined && !Token.isUnresolved(region) && region !== 'us-east-1') {
    fail(scope, `\`domain.certificate\` of an edge-optimised API must be in us-east-1, got one in ${region}: give a certificate of us-east-1, or \`endpointType: apigateway.EndpointType.REGIONAL\``);
  }
}

class HttpApiAccess implements IWebhookAccess {
  constructor(private readonly options: WebhookApiOptions) {}

  public bind(scope: Construct, { handler }: WebhookAccessBindOptions): WebhookAccessConfig {
    const { options } = this;
    checkThrottling(scope, options);
    const domainName = options.domain && new apigatewayv2.DomainName(scope, 'DomainName', options.domain);
    const api = new apigatewayv2.HttpApi(scope, 'Api', {
      apiName: uniqueName(scope, 128),
      description: 'Webhook of a LINE channel',
      createDefaultStage: false,
      disableExecuteApiEndpoint: options.domain !== undefined,
    });
    const stage = new apigatewayv2.HttpStage(scope, 'Stage', {
      httpApi: api,
      autoDeploy: true,
      throttle: {
        rateLimit: options.throttlingRateLimit ?? RATE_LIMIT,
        burstLimit: options.throttlingBurstLimit ?? BURST_LIMIT,
      },
      ...(options.accessLogGroup && {
        accessLogSettings: { destination: new apigatewayv2.LogGroupLogDestination(options.accessLogGroup) },
      }),
      ...(domainName && { domainMapping: { domainName } }),
    });
    if (domainName) {
      outputDomainTarget(scope, domainName.regionalDomainName);
    }
    api.addRoutes({
      path: `/${PATH}`,
      methods: [apigatewayv2.HttpMethod.POST],
      integration: new HttpLambdaIntegration('Receiver', handler),
    });
    return { webhookUrl: options.domain ? `https://${options.domain.domainName}/${PATH}` : `${stage.url}${PATH}` };
  }
}

class FunctionUrlAccess implements IWebhookAccess {
  public bind(_scope: Construct, { handler }: WebhookAccessBindOptions): WebhookAccessConfig {
    // LINE cannot sign for AWS; the receiver checks LINE's own signature on every request.
    return { webhookUrl: handler.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.NONE }).url };
  }
}

class NoAccess implements IWebhookAccess {
  public bind(_scope: Construct, _options: WebhookAccessBindOptions): WebhookAccessConfig {
    return {};
  }
}
