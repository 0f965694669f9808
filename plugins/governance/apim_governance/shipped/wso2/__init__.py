"""Rules for WSO2 API projects, known as `wso2:recommended`."""
