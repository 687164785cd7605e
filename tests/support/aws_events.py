"""Events of the services of AWS that invoke functions, written after their documentation: one for each kind.

The tables say what the function does with them: it reads them, returns an error that a person reads, or raises one.
S3 objects are in the bucket `photos`; `in/wall.jpg` is an image.
"""

import base64
import json
from typing import Any

ACCOUNT = "111122223333"
S3_RECORD = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "awsRegion": "eu-west-1",
    "eventTime": "2026-11-27T10:00:00.000Z",
    "eventName": "ObjectCreated:Put",
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "new-images",
        "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
        "object": {"key": "in/wall.jpg", "size": 7, "eTag": "e1", "sequencer": "0055AED6DCD90281E5"},
    },
}
S3_EVENT = {"Records": [S3_RECORD]}
DETAIL = {
    "version": "0",
    "bucket": {"name": "photos"},
    "object": {"key": "in/wall.jpg", "size": 7, "etag": "e1", "version-id": "v1", "sequencer": "0055AED6DCD90281E5"},
    "request-id": "C3D13FE58DE4C810",
    "requester": ACCOUNT,
    "source-ip-address": "192.0.2.7",
    "reason": "PutObject",
}


def eventbridge(source: str, detail_type: str, detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-27T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    }


def cloudtrail(name: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    """An EventBridge event about an API call."""
    detail = {
        "eventVersion": "1.11",
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters
        or {"bucketName": "photos", "Host": "photos.s3.amazonaws.com", "key": "in/wall.jpg"},
        "responseElements": {"x-amz-server-side-encryption": "AES256"},
        "resources": [
            {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::photos", "accountId": ACCOUNT},
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::photos/in/wall.jpg"},
        ],
    }
    return eventbridge("aws.s3", "AWS API Call via CloudTrail", detail | fields)


def sqs_message(body: Any, message_id: str = "m1", queue: str = "images") -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795773600000"},
        "messageAttributes": {},
        "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue}",
        "awsRegion": "eu-west-1",
    }


def sns(message: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    content = {
        "Type": "Notification",
        "MessageId": "n1",
        "TopicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:t",
        "Message": text,
    }
    return {"Records": [{"EventVersion": "1.0", "EventSource": "aws:sns", "EventSubscriptionArn": "a", "Sns": content}]}


def records(source: str, **fields: Any) -> dict[str, Any]:
    return {"Records": [{"eventID": "1", "eventSource": source, "awsRegion": "eu-west-1", **fields}]}


def _text(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


READ: dict[str, Any] = {
    "s3": S3_EVENT,
    "s3 record alone": S3_RECORD,
    "s3 list of records": [S3_RECORD],
    "sns with s3": sns(S3_EVENT),
    "sns notification alone": sns(S3_EVENT)["Records"][0]["Sns"],
    "eventbridge s3": eventbridge("aws.s3", "Object Created", DETAIL),
    "eventbridge s3 detail": DETAIL,
    "eventbridge s3 transformed": {"bucket": "photos", "key": "in/wall.jpg"},
    "cloudtrail s3 PutObject": cloudtrail("PutObject"),
    "cloudtrail s3 CompleteMultipartUpload": cloudtrail("CompleteMultipartUpload"),
    "cloudtrail s3 CopyObject": cloudtrail("CopyObject"),
    "cloudtrail s3 PostObject": cloudtrail("PostObject", {"bucketName": "photos", "Host": "photos.s3.amazonaws.com"}),
    "cloudtrail s3 detail": cloudtrail("PutObject")["detail"],
    "sqs with s3": {"Records": [sqs_message(S3_EVENT)]},
    "sqs with cloudtrail": {"Records": [sqs_message(cloudtrail("PutObject"))]},
    "sqs with a request": {"Records": [sqs_message({"s3": "s3://photos/in/wall.jpg", "conf": 0.4})]},
    "sqs with names": {"Records": [sqs_message({"bucket": "photos", "key": "in/wall.jpg"})]},
    "pipes with sqs": [sqs_message(S3_EVENT)],
    "s3 batch": {
        "invocationSchemaVersion": "2.0",
        "invocationId": "i1",
        "job": {"id": "j1", "userArguments": {"conf": "0.4"}},
        "tasks": [{"taskId": "t1", "s3Key": "in/wall.jpg", "s3VersionId": None, "s3Bucket": "photos"}],
    },
    "map item of an inventory": {"Bucket": "photos", "Key": "in%2Fwall.jpg", "Size": "7", "StorageClass": "STANDARD"},
    "map item of a csv file": {"bucket": "photos", "key": "in/wall.jpg", "label": "wall"},
    "map batch": {"BatchInput": {"bucket": "photos"}, "Items": [{"Etag": "e1", "Key": "in/wall.jpg", "Size": 7}]},
}
ACKNOWLEDGED: dict[str, Any] = {  # read, and about no new object
    "s3 removed": {"Records": [S3_RECORD | {"eventName": "ObjectRemoved:Delete"}]},
    "s3 restored": {"Records": [S3_RECORD | {"eventName": "ObjectRestore:Completed"}]},
    "s3 test": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos", "RequestId": "r", "HostId": "h"},
    "eventbridge s3 deleted": eventbridge("aws.s3", "Object Deleted", DETAIL | {"reason": "DeleteObject"}),
    "eventbridge s3 tags": eventbridge("aws.s3", "Object Tags Added", DETAIL),
    "eventbridge s3 restored": eventbridge("aws.s3", "Object Restore Completed", DETAIL),
    "eventbridge s3 deleted detail": DETAIL | {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
    "cloudtrail s3 DeleteObject": cloudtrail("DeleteObject"),
    "cloudtrail s3 failed PutObject": cloudtrail("PutObject", errorCode="AccessDenied"),
    "schedule": eventbridge("aws.events", "Scheduled Event", {}),
    "scheduler": eventbridge("aws.scheduler", "Scheduled Event", "{}"),
    "warmup": {"warmup": True},
    "lambda-warmer": {"warmer": True, "concurrency": 3},
    "serverless-plugin-warmup": {"source": "serverless-plugin-warmup"},
    "serverless-plugin-lambda-warmup": {"source": "serverless-plugin-lambda-warmup"},
}
ANSWERED: dict[str, Any] = {  # a caller waits: the error is the response
    "rest api": {
        "resource": "/{proxy+}",
        "path": "/hello",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "queryStringParameters": None,
        "requestContext": {"stage": "prod", "apiId": "a1", "httpMethod": "POST", "path": "/prod/hello"},
        "body": '{"name": "x"}',
        "isBase64Encoded": False,
    },
    "http api": {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/hello",
        "headers": {"content-type": "text/plain"},
        "requestContext": {"apiId": "a1", "stage": "$default", "http": {"method": "POST", "path": "/hello"}},
        "body": "hello",
        "isBase64Encoded": False,
    },
    "load balancer": {
        "requestContext": {
            "elb": {"targetGroupArn": f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:targetgroup/t/1"}
        },
        "httpMethod": "GET",
        "path": "/lambda",
        "queryStringParameters": {},
        "headers": {"host": "lb.example"},
        "body": "",
        "isBase64Encoded": False,
    },
    "vpc lattice v1": {
        "raw_path": "/testpath",
        "method": "GET",
        "headers": {"host": "service.example"},
        "query_string_parameters": {},
        "body": "",
        "is_base64_encoded": False,
    },
    "vpc lattice v2": {
        "version": "2.0",
        "path": "/unknown",
        "method": "GET",
        "headers": {"host": ["service.example"]},
        "queryStringParameters": {},
        "body": "",
        "requestContext": {
            "serviceNetworkArn": f"arn:aws:vpc-lattice:eu-west-1:{ACCOUNT}:servicenetwork/sn-1",
            "serviceArn": f"arn:aws:vpc-lattice:eu-west-1:{ACCOUNT}:service/svc-1",
            "targetGroupArn": f"arn:aws:vpc-lattice:eu-west-1:{ACCOUNT}:targetgroup/tg-1",
        },
    },
    "direct call without an image": {"conf": 0.4},
    "direct call with a wrong name": {"picture": "aGVsbG8="},
    "direct call with text": "hello",
    "direct call with the request below a field": {"payload": {"image_data": "aGVsbG8="}},
    "direct call with s3 as an object": {"s3": {"uri": "s3://photos/in/wall.jpg"}},
    "empty event": {},
}
RAISED: dict[str, Any] = {  # nobody would read a response, or only a service that expects another form
    "authorizer v1 request": {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:a1/prod/POST/detect",
        "resource": "/detect",
        "path": "/detect",
        "httpMethod": "POST",
        "headers": {"x-token": "t"},
        "requestContext": {"stage": "prod", "httpMethod": "POST"},
    },
    "authorizer v1 token": {
        "type": "TOKEN",
        "authorizationToken": "t",
        "methodArn": "arn:aws:execute-api:x:1:a/*/GET/",
    },
    "authorizer v2": {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:a1/prod/POST/detect",
        "identitySource": ["t"],
        "rawPath": "/detect",
        "requestContext": {"apiId": "a1", "http": {"method": "POST", "path": "/detect"}},
    },
    "websocket connect": {"requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c1"}},
    "websocket message": {
        "requestContext": {"routeKey": "chat", "eventType": "MESSAGE", "connectionId": "c1", "apiId": "a1"},
        "body": '{"action": "chat"}',
        "isBase64Encoded": False,
    },
    "appsync resolver": {
        "arguments": {"id": "my identifier"},
        "identity": None,
        "source": None,
        "request": {"headers": {}},
        "prev": None,
        "info": {"parentTypeName": "Query", "fieldName": "getImage", "selectionSetList": ["id"]},
    },
    "appsync batch resolver": [{"arguments": {}, "info": {"fieldName": "related"}, "source": {"id": "1"}}],
    "appsync amplify resolver": {"typeName": "Query", "fieldName": "getImage", "arguments": {}, "identity": {}},
    "appsync authorizer": {"authorizationToken": "t", "requestContext": {"apiId": "a1", "accountId": ACCOUNT}},
    "appsync events": {
        "info": {"channel": {"path": "/a"}, "operation": "PUBLISH"},
        "events": [{"payload": {}, "id": "1"}],
    },
    "bedrock agent openapi": {
        "messageVersion": "1.0",
        "agent": {"name": "a", "id": "i", "alias": "l", "version": "DRAFT"},
        "inputText": "detect",
        "sessionId": "1",
        "actionGroup": "g",
        "apiPath": "/detect",
        "httpMethod": "POST",
        "parameters": [],
    },
    "bedrock agent function": {
        "messageVersion": "1.0",
        "agent": {"name": "a", "id": "i", "alias": "l", "version": "DRAFT"},
        "actionGroup": "g",
        "function": "detect",
        "parameters": [{"name": "s3", "type": "string", "value": "s3://photos/in/wall.jpg"}],
    },
    "cloudwatch alarm": {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:a",
        "accountId": ACCOUNT,
        "alarmData": {"alarmName": "a", "state": {"value": "ALARM"}},
    },
    "cloudwatch dashboard": {"original": "params", "widgetContext": {"dashboardName": "d", "widgetId": "w1"}},
    "cloudwatch logs": {"awslogs": {"data": _text({"messageType": "DATA_MESSAGE", "logEvents": []})}},
    "cloudformation custom resource": {
        "RequestType": "Create",
        "ResponseURL": "https://cloudformation-custom-resource-response.s3.amazonaws.com/x",
        "StackId": f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/s/1",
        "RequestId": "1",
        "ResourceType": "Custom::Image",
        "LogicalResourceId": "r",
    },
    "codepipeline": {"CodePipeline.job": {"id": "1", "accountId": ACCOUNT, "data": {}}},
    "codedeploy": {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "h"},
    "codecommit": records("aws:codecommit", codecommit={"references": []}),
    "cognito": {
        "version": "1",
        "triggerSource": "PreSignUp_SignUp",
        "region": "eu-west-1",
        "userPoolId": "eu-west-1_x",
        "userName": "u",
        "callerContext": {},
        "request": {"userAttributes": {}},
        "response": {},
    },
    "cognito sync": {"version": 2, "eventType": "SyncTrigger", "identityPoolId": "p", "datasetName": "d"},
    "config rule": {"version": "1.0", "invokingEvent": "{}", "ruleParameters": "{}", "resultToken": "t"},
    "connect": {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
    "docdb": {"eventSourceArn": f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:c", "events": [], "eventSource": "aws:docdb"},
    "dynamodb stream": records("aws:dynamodb", eventName="INSERT", dynamodb={"Keys": {"Id": {"N": "1"}}}),
    "eventbridge ec2": eventbridge("aws.ec2", "EC2 Instance State-change Notification", {"state": "stopped"}),
    "eventbridge own bus": eventbridge("shop.orders", "Order Placed", {"id": 1}),
    "eventbridge s3 with another detail type": eventbridge("aws.s3", "AWS Insight via CloudTrail", {}),
    "eventbridge without detail type": {"source": "shop.orders", "detail": {"id": 1}},
    "eventbridge s3 with an unknown detail type": eventbridge("aws.s3", "Object Renamed", DETAIL),
    "s3 with an unknown event name": {"Records": [S3_RECORD | {"eventName": "ObjectRenamed:Put"}]},
    "cloudtrail s3 with an unknown call": cloudtrail("RenameObject"),
    "input transformer with a detail": {"detail": DETAIL},
    "input transformer with s3": {"s3": {"bucket": {"name": "photos"}, "object": {"key": "in/wall.jpg"}}},
    "input transformer without values": {"bucket": None, "key": None},
    "map item in value": {"size": 10, "value": {"Key": "in/wall.jpg", "Etag": "e1", "Size": 7}},
    "map item in ContextValue": {"ContextIndex": 0, "ContextValue": {"Key": "in/wall.jpg"}},
    "map item in Value": {"Index": 0, "Value": {"Key": "in/wall.jpg"}},
    "map item in Item": {"Item": {"bucket": "photos", "key": "in/wall.jpg"}},
    "map item in Item of text": {"Index": 3, "Item": "in/wall.jpg"},
    "map item in another field": {"row": 4, "object": {"Bucket": "photos", "Key": "in/wall.jpg"}},
    "listing with Contents": {"Contents": [{"Key": "in/wall.jpg", "Size": 7}], "Name": "photos", "KeyCount": 1},
    "map item of a file with other columns": {"ContextIndex": 0, "ContextValue": {"file": "in/wall.jpg"}},
    "firehose": {
        "invocationId": "1",
        "deliveryStreamArn": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/d",
        "region": "eu-west-1",
        "records": [{"recordId": "1", "data": "SGVsbG8=", "approximateArrivalTimestamp": 1}],
    },
    "iot rule event": {
        "eventType": "THING_EVENT",
        "eventId": "1",
        "timestamp": 1,
        "operation": "CREATED",
        "thingName": "t",
    },
    "iot authorizer": {"token": "t", "signatureVerified": True, "protocols": ["tls"], "protocolData": {"tls": {}}},
    "kafka msk": {
        "eventSource": "aws:kafka",
        "eventSourceArn": f"arn:aws:kafka:eu-west-1:{ACCOUNT}:cluster/c/1",
        "records": {"images-0": [{"topic": "images", "partition": 0, "offset": 1, "value": _text(S3_EVENT)}]},
    },
    "kafka self-managed": {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": "b:9092",
        "records": {"images-0": []},
    },
    "kinesis": records("aws:kinesis", kinesis={"partitionKey": "1", "data": _text(S3_EVENT), "sequenceNumber": "1"}),
    "kinesis tumbling window": records("aws:kinesis", kinesis={"data": ""})
    | {"window": {}, "state": {}, "shardId": "s"},
    "lambda destination": {
        "version": "1.0",
        "requestContext": {
            "requestId": "1",
            "functionArn": "arn:aws:lambda:x:1:function:f:$LATEST",
            "condition": "Success",
        },
        "requestPayload": {"image_data": "aGVsbG8="},
        "responsePayload": {"statusCode": 400},
    },
    "lambda edge": {"Records": [{"cf": {"config": {"eventType": "viewer-request"}, "request": {"method": "GET"}}}]},
    "lex v2": {"messageVersion": "1.0", "invocationSource": "DialogCodeHook", "bot": {"name": "b"}, "sessionState": {}},
    "lex v1": {
        "messageVersion": "1.0",
        "invocationSource": "DialogCodeHook",
        "bot": {"name": "b"},
        "currentIntent": {},
    },
    "alexa": {"version": "1.0", "session": {"new": True}, "request": {"type": "LaunchRequest"}},
    "mq active": {"eventSource": "aws:mq", "eventSourceArn": "arn:aws:mq:x:1:broker:b", "messages": [{"data": "YQ=="}]},
    "mq rabbit": {"eventSource": "aws:rmq", "eventSourceArn": "arn:aws:mq:x:1:broker:b", "rmqMessagesByQueue": {}},
    "pipes with kinesis": [{"eventSource": "aws:kinesis", "data": _text(S3_EVENT), "partitionKey": "1"}],
    "pipes with dynamodb": [{"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {}}],
    "pipes with transformed messages": [{"id": 1}],
    "pipes with nothing": [],
    "records that are empty": {"Records": []},
    "records with lower case": {"records": [{"data": "YQ=="}]},
    "s3 record of another service": {"Records": [S3_RECORD, S3_RECORD | {"eventSource": "aws:dynamodb"}]},
    "s3 object lambda": {
        "xAmzRequestId": "1",
        "getObjectContext": {"inputS3Url": "https://x.s3-accesspoint.eu-west-1.amazonaws.com/a", "outputToken": "t"},
        "configuration": {},
        "userRequest": {"url": "/a"},
        "protocolVersion": "1.00",
    },
    "s3 batch without a schema": {"invocationId": "1", "job": {"id": "1"}, "tasks": [{"taskId": "1"}]},
    "secrets manager rotation": {
        "SecretId": "arn:aws:secretsmanager:x:1:secret:s",
        "ClientRequestToken": "t",
        "Step": "createSecret",
    },
    "ses": records("aws:ses", eventVersion="1.0", ses={"mail": {}, "receipt": {}}),
    "sns with text": sns("Hello from SNS!"),
    "sqs message alone": sqs_message(S3_EVENT),
    "transfer family authorizer": {
        "username": "u",
        "password": "p",
        "protocol": "SFTP",
        "serverId": "s-1",
        "sourceIp": "192.0.2.7",
    },
    "cloudevents": {"specversion": "1.0", "type": "com.example.image", "source": "/images", "id": "1", "data": {}},
    "map item without a bucket": {"Etag": "e1", "Key": "in/wall.jpg", "LastModified": 1, "Size": 7},
    "map item without a key": {"Bucket": "photos", "Size": "7"},
    "map batch with unknown items": {"BatchInput": {"bucket": "photos"}, "Items": [{"path": "in/wall.jpg"}]},
    "event of a service with an arn": {
        "resource": "arn:aws:autoscaling:x:1:autoScalingGroup:g",
        "CapacityToTerminate": [],
    },
}
