//go:build !notemporal

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	temporalconfig "go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const temporalLinked = true

const (
	namespace     = "default"
	retention     = 3 * 24 * time.Hour
	historyShards = 16 // fixed by the first start; with one shard, as in other dev servers, every hop takes 50 ms more
)

// dynamicConfig changes defaults of the server that would make developers wait or disable a feature
// of ours.
var dynamicConfig = dynamicconfig.StaticClient{
	dynamicconfig.TimerProcessorMaxTimeShift.Key():                   10 * time.Millisecond,  // default 1 s: short timers would take 1 s more
	dynamicconfig.NamespaceCacheRefreshInterval.Key():                250 * time.Millisecond, // default 2 s, in which a new search attribute is refused
	dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():           1,
	dynamicconfig.MatchingNumTaskqueueWritePartitions.Key():          1,
	dynamicconfig.MatchingEnableFairness.Key():                       true,
	dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100, // default 10 lists and counts a second
	// By default 128,000 ended workflows stay in memory for an hour, 70 KB each.
	dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 2000,
}

// temporalStack is a running server and its UI.
type temporalStack struct{ address, uiURL string }

// startTemporal sets up the schema in pg, starts the server and its UI, and waits until the
// namespace is usable.
func startTemporal(ctx context.Context, fail context.CancelCauseFunc, pg *postgres, p ports, logPath string, down *teardown) (temporalStack, error) {
	start := time.Now()
	logFile, err := openLog(logPath)
	if err != nil {
		return temporalStack{}, err
	}
	logger := fatalLogger{fileLogger(logFile), logPath, fail}

	main, visibility := database(pg, "temporal"), database(pg, "temporal_visibility")
	if err := setUpSchemas(main, visibility); err != nil {
		return temporalStack{}, err
	}
	if err := ctx.Err(); err != nil {
		return temporalStack{}, err
	}
	var server temporal.Server
	err = orDone(ctx, func() (err error) {
		if server, err = newServer(serverConfig(main, visibility, p), logger, indexAttributes(pg, address(p.temporal))); err == nil {
			err = server.Start()
		}
		return err
	})
	if err != nil {
		return temporalStack{}, fmt.Errorf("start Temporal: %w", err)
	}
	down.add("Temporal", func() {
		// Without its database it waits for minutes. Its log stays open: parts of it write after
		// Stop.
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := orDone(ctx, server.Stop); err != nil {
			say("stopping Temporal: %v", err)
		}
	}, nil)
	aliases, err := ensureNamespace(ctx, address(p.temporal))
	if err != nil {
		return temporalStack{}, err
	}
	if err := trimVisibility(ctx, pg, aliases); err != nil {
		return temporalStack{}, err
	}
	say("Temporal %s ready on %s %s", headers.ServerVersion, address(p.temporal), seconds(start))

	ui := newUI(p)
	down.add("the Temporal UI", ui.Stop, nil)
	go func() { _ = ui.Start() }() // blocks until Stop
	for start := time.Now(); !responds(p.ui) && time.Since(start) < 5*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	say("Temporal UI ready on http://%s", address(p.ui))
	return temporalStack{address(p.temporal), "http://" + address(p.ui)}, nil
}

// orDone abandons f when ctx ends, because after a fatal error f never returns.
func orDone(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func database(pg *postgres, name string) *temporalconfig.SQL {
	return &temporalconfig.SQL{
		PluginName: postgresql.PluginNamePGX, ConnectProtocol: "tcp", ConnectAddr: address(pg.port),
		DatabaseName: name, User: role, Password: pg.password,
		MaxConns: 20, MaxIdleConns: 20, MaxConnLifetime: time.Hour,
	}
}

func serverConfig(main, visibility *temporalconfig.SQL, p ports) *temporalconfig.Config {
	rpc := func(port int) temporalconfig.Service {
		return temporalconfig.Service{RPC: temporalconfig.RPC{GRPCPort: port, BindOnIP: "127.0.0.1"}}
	}
	frontend := rpc(p.temporal)
	frontend.RPC.HTTPPort = p.inner // asynchronous Nexus operations complete over it
	return &temporalconfig.Config{
		Persistence: temporalconfig.Persistence{
			DefaultStore: "main", VisibilityStore: "visibility", NumHistoryShards: historyShards,
			DataStores: map[string]temporalconfig.DataStore{"main": {SQL: main}, "visibility": {SQL: visibility}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: "active", CurrentClusterName: "active",
			ClusterInformation: map[string]cluster.ClusterInformation{"active": {
				Enabled: true, InitialFailoverVersion: 1, RPCAddress: address(p.temporal), HTTPAddress: address(p.inner),
			}},
		},
		DCRedirectionPolicy: temporalconfig.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]temporalconfig.Service{
			"frontend": frontend, "history": rpc(p.inner + 1), "matching": rpc(p.inner + 2), "worker": rpc(p.inner + 3),
		},
		PublicClient: temporalconfig.PublicClient{HostPort: address(p.temporal)},
		Archival: temporalconfig.Archival{
			History:    temporalconfig.HistoryArchival{State: "disabled"},
			Visibility: temporalconfig.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: temporalconfig.NamespaceDefaults{Archival: temporalconfig.ArchivalNamespaceDefaults{
			History:    temporalconfig.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: temporalconfig.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}
}

func newServer(cfg *temporalconfig.Config, logger log.Logger, frontend grpc.UnaryServerInterceptor) (temporal.Server, error) {
	authorizer, err := authorization.GetAuthorizerFromConfig(&cfg.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&cfg.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range cfg.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(address(service.RPC.GRPCPort))
	}
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts), // no gossip, no more ports
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(dynamicConfig),
		temporal.WithChainedFrontendGrpcInterceptors(frontend),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*temporalconfig.Config) authorization.ClaimMapper { return claims }),
	)
}

// ensureNamespace registers the namespace if needed and waits until a list in it works. It returns
// which columns of the visibility table hold which search attributes.
func ensureNamespace(ctx context.Context, target string) (aliases map[string]string, err error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()

	var described *workflowservice.DescribeNamespaceResponse
	try := func() error {
		// Register first: the server remembers for a second what it did not find.
		_, err := frontend.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: namespace, Description: "Forgehook", WorkflowExecutionRetentionPeriod: durationpb.New(retention),
		})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return err
		}
		described, err = frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		if err != nil {
			return err
		}
		_, err = frontend.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace, PageSize: 1})
		return err
	}
	for {
		if err := try(); err == nil {
			return described.GetConfig().GetCustomSearchAttributeAliases(), nil
		} else if ctx.Err() != nil {
			return nil, fmt.Errorf("namespace %s cannot be used: %w", namespace, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// indexAttributes makes the indexes of search attributes before the request that adds them returns.
// The costs of writing are then the same from the first call on.
func indexAttributes(pg *postgres, target string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		response, err := handler(ctx, request)
		if err != nil || info.FullMethod != operatorservice.OperatorService_AddSearchAttributes_FullMethodName {
			return response, err
		}
		aliases, err := ensureNamespace(ctx, target)
		if err == nil {
			err = trimVisibility(ctx, pg, aliases)
		}
		return response, err
	}
}

func newUI(p ports) *uiserver.Server {
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: address(p.temporal), Host: "127.0.0.1", Port: p.ui, EnableUI: true,
		DefaultNamespace: namespace, DisableNewsFetch: true, HideLogs: true,
		CORS: uiconfig.CORS{CookieInsecure: true}, // plain HTTP
	}))
}

// fileLogger drops all below warnings, and the 4 KB of stack that the server adds to each.
func fileLogger(file *os.File) log.Logger {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.ISO8601TimeEncoder
	return log.NewZapLogger(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), file, zapcore.WarnLevel)))
}

// fatalLogger turns a fatal error into an orderly stop. The server would end this process at once.
type fatalLogger struct {
	log.Logger
	path string
	fail context.CancelCauseFunc
}

func (l fatalLogger) Fatal(msg string, tags ...tag.Tag) {
	l.Error("FATAL: "+msg, tags...)
	for _, t := range tags {
		if t.Key() == "error" {
			msg = fmt.Sprintf("%s: %v", msg, t.Value())
		}
	}
	l.fail(fmt.Errorf("Temporal failed: %s; see %s", msg, l.path))
	select {} // the caller expects that Fatal does not return
}
