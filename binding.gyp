{
  # Builds the same sources as CMakeLists.txt, for who has node-gyp but no cmake.
  "variables": {
    # What finds sites, and what checks that they are some: the latter is in the addon, too.
    "site_sources": [
      "native/linux/sites/bytes.cc",
      "native/linux/sites/candidate.cc",
      "native/linux/sites/check.cc",
      "native/linux/sites/code.cc",
      "native/linux/sites/elf_image.cc",
      "native/linux/sites/freebl.cc",
      "native/linux/sites/go_table.cc",
      "native/linux/sites/keylog.cc",
      "native/linux/sites/labels.cc",
      "native/linux/sites/pointers.cc",
      "native/linux/sites/rustls.cc",
      "native/linux/sites/symbols.cc",
      "native/linux/sites/x86_length.cc"
    ],
    "site_search_sources": [
      "native/linux/sites/answer.cc",
      "native/linux/sites/landmarks.cc",
      "native/linux/sites/loads.cc",
      "native/linux/sites/main.cc",
      "native/linux/sites/sandbox.cc",
      "native/linux/sites/search.cc"
    ]
  },
  "targets": [
    {
      "target_name": "oximy_native",
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "include_dirs": ["native"],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "sources": [
        "native/addon.cc",
        "native/aead_binding.cc",
        "native/aead_decipher.cc",
        "native/attribution_binding.cc",
        "native/container_networks_binding.cc",
        "native/endpoint.cc",
        "native/front_binding.cc",
        "native/front_peek.cc",
        "native/sites_binding.cc",
        "native/secret_probes_binding.cc",
        "native/front_tap_memory.cc",
        "native/process_end.cc",
        "native/process_end_binding.cc",
        "native/process_files_binding.cc",
        "native/side_threads.cc"
      ],
      "conditions": [
        ["OS=='linux'", {
          "sources": [
            "native/linux/apart_thread.cc",
            "native/linux/bpf_syscall.cc",
            "native/linux/cgroup2.cc",
            "native/linux/connect_programs.cc",
            "native/linux/connect_rewrite.cc",
            "native/linux/connect_rewrite_programs.cc",
            "native/linux/connect_recorder.cc",
            "native/linux/confinement.cc",
            "native/linux/container_network.cc",
            "native/linux/container_networks.cc",
            "native/linux/container_rules.cc",
            "native/linux/container_rules_thread.cc",
            "native/linux/core_dumps.cc",
            "native/linux/descriptors.cc",
            "native/linux/first_sockets.cc",
            "native/linux/front_accept.cc",
            "native/linux/front_flow.cc",
            "native/linux/front_guests.cc",
            "native/linux/front_listener.cc",
            "native/linux/front_loop.cc",
            "native/linux/front_passage.cc",
            "native/linux/front_pipe.cc",
            "native/linux/front_read.cc",
            "native/linux/front_relay.cc",
            "native/linux/front_socket.cc",
            "native/linux/guest_message.cc",
            "native/linux/netlink_reports.cc",
            "native/linux/network_watch.cc",
            "native/linux/nft_batch.cc",
            "native/linux/front_tap.cc",
            "native/linux/front_tap_writer.cc",
            "native/linux/original_destination.cc",
            "native/linux/proc_parse.cc",
            "native/linux/proc_read.cc",
            "native/linux/process_chain.cc",
            "native/linux/process_files.cc",
            "native/linux/process_finder.cc",
            "native/linux/process_info.cc",
            "native/linux/ring_reader.cc",
            "native/linux/route_watch.cc",
            "native/linux/send_state.cc",
            "native/linux/secret_probe_candidates.cc",
            "native/linux/secret_probe_files.cc",
            "native/linux/secret_probe_labels.cc",
            "native/linux/secret_probe_links.cc",
            "native/linux/secret_probe_output.cc",
            "native/linux/secret_probe_programs.cc",
            "native/linux/secret_probe_reader.cc",
            "native/linux/secret_probe_wanted.cc",
            "native/linux/secret_probes.cc",
            "native/linux/shared_socket.cc",
            "native/linux/site_check.cc",
            "native/linux/sock_diag_message.cc",
            "native/linux/socket_owner.cc",
            "<@(site_sources)"
          ]
        }],
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
            "MACOSX_DEPLOYMENT_TARGET": "12.0"
          },
          "sources": [
            "native/darwin/original_destination.cc",
            "native/darwin/pcblist.cc",
            "native/darwin/process_arguments.cc",
            "native/darwin/process_finder.cc",
            "native/darwin/process_info.cc",
            "native/darwin/send_state.cc",
            "native/darwin/socket_owner.cc",
            "native/darwin/socket_table.cc",
            "native/none/connect_recorder.cc",
            "native/none/confinement.cc",
            "native/none/container_networks.cc",
            "native/none/core_dumps.cc",
            "native/none/front.cc",
            "native/none/site_check.cc",
            "native/none/secret_probes.cc",
            "native/none/process_files.cc"
          ]
        }],
        ["OS!='linux' and OS!='mac'", {
          "sources": [
            "native/none/attribution.cc",
            "native/none/connect_recorder.cc",
            "native/none/confinement.cc",
            "native/none/container_networks.cc",
            "native/none/core_dumps.cc",
            "native/none/front.cc",
            "native/none/send_state.cc",
            "native/none/site_check.cc",
            "native/none/secret_probes.cc",
            "native/none/process_files.cc"
          ]
        }]
      ]
    }
  ],
  "conditions": [
    ["OS=='linux'", {
      "targets": [
        {
          "target_name": "oximy-sites",
          "type": "executable",
          "product_extension": "",
          "include_dirs": ["native"],
          "cflags_cc": ["-std=c++17", "-Wall", "-Wextra"],
          "sources": ["<@(site_sources)", "<@(site_search_sources)"]
        },
        {
          "target_name": "oximy-preload",
          "type": "shared_library",
          "product_prefix": "",
          "product_dir": "<(PRODUCT_DIR)",
          "include_dirs": ["native"],
          "cflags_cc": [
            "-std=c++17", "-Wall", "-Wextra", "-fvisibility=hidden",
            "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fno-stack-protector"
          ],
          "ldflags": ["-nostdlib", "-Wl,--version-script=<(module_root_dir)/native/linux/preload/exports.map"],
          "sources": ["native/linux/preload/key_log.cc", "native/linux/preload/tunnel.cc"]
        }
      ]
    }]
  ]
}
